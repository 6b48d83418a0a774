/**
 * What a group was given and what it lost, kept true on the server itself, so that however many processes read, each loss is
 * found by exactly one of them. Redis keeps a position of each group (`entries-read`), but lets it lag behind after a trim
 * (7.0), jump over the loss (8), or forgets it (XDEL ahead of the group, XGROUP SETID). Here it is kept by law:
 *
 *     entries-read = entries added and no longer ahead of the group, losses told included
 *
 * Each script settles first: where the entries ahead can be counted, added - entries-read - ahead is what was lost since the
 * last time; it is answered once and the position moved. Redis 6.2 has no such counters: nothing can be told lost there.
 */
import { POSITIONS, script } from './scripts.ts'

/**
 * `look` answers what is known of a group; nil when it is not there. `ahead` (entries after the last one delivered) comes
 * from the ends of the stream, from the counters where no entry was deleted ahead, or from counting up to BOUND entries;
 * otherwise it is nil: not known.
 */
const LOOK = `${POSITIONS}
local BOUND = 1000
local function group_of(key, name)
  local groups = redis.pcall('XINFO', 'GROUPS', key)
  if groups.err then return nil end
  for _, flat in ipairs(groups) do
    local group = fields(flat)
    if group['name'] == name then return group, #groups end
  end
end
local function counted(key, id)
  local some = redis.call('XRANGE', key, '(' .. id, '+', 'COUNT', BOUND + 1)
  if #some <= BOUND then return #some end
end
local function ahead_of(key, look)
  if look.stray then return look.length == 0 and 0 or nil end
  if not look.first or not after(look.last, look.position) then return 0 end
  if after(look.first, look.position) then return look.length end
  if not look.added then
    local rest = look.groups == 1 and look.length - look.pending or -1
    return counted(key, look.position) or (rest > BOUND and rest or nil)
  end
  if look.read and not after(look.deleted, look.position) then
    local rest = look.added - look.read
    if rest >= 0 and rest <= look.length then return rest end
  end
  return counted(key, look.position)
end
local function look_at(key, name)
  local group, groups = group_of(key, name)
  if not group then return nil end
  local stream = fields(redis.call('XINFO', 'STREAM', key))
  local look = {
    groups = groups, pending = group['pending'], position = group['last-delivered-id'], read = group['entries-read'],
    length = stream['length'], first = stream['first-entry'] and stream['first-entry'][1],
    last = stream['last-generated-id'], added = stream['entries-added'], deleted = stream['max-deleted-entry-id']
  }
  look.stray = after(look.position, look.last)
  look.ahead = ahead_of(key, look)
  return look
end
`

/**
 * A group without a position has been moved (XGROUP SETID) or never read. On a stream with one group whose acks delete, what
 * is stored behind it and not pending was skipped.
 */
const SETTLE = `${LOOK}
local function skipped(key, name, look)
  if look.groups > 1 or not look.first or after(look.first, look.position) then return 0 end
  local behind = redis.call('XRANGE', key, '-', look.position, 'COUNT', BOUND + 1)
  local rows = redis.call('XPENDING', key, name, '-', look.position, BOUND + 1)
  if #behind > BOUND or #rows > BOUND then
    return math.max(0, look.length - look.ahead - look.pending)
  end
  local count, pending = 0, {}
  for _, row in ipairs(rows) do pending[row[1]] = true end
  for _, entry in ipairs(behind) do
    if not pending[entry[1]] then count = count + 1 end
  end
  return count
end
local function move(key, name, position, read)
  redis.pcall('XGROUP', 'SETID', key, name, position, 'ENTRIESREAD', string.format('%.0f', read))
end
local function settle(key, name, look)
  if not look or not look.added or look.stray or not look.ahead then return 0 end
  local read = look.added - look.ahead
  if look.read == read then return 0 end
  local lost = look.read and read - look.read or skipped(key, name, look)
  move(key, name, look.position, read)
  look.read = read
  return math.max(0, lost)
end
`

/**
 * XREADGROUP without waiting. KEYS: stream. ARGV: group, consumer, count, 1 when an earlier read waited and was given something.
 * Answers lost, 1 when the group stands beyond its stream, and what XREADGROUP answers. The position is kept by our own count,
 * because Redis may forget it on the way; and it is written anew after every read, because XREADGROUP reaches the append-only
 * file and the replicas without it: after a restart or a failover what was read meanwhile would look lost.
 */
export const READ = script(`${SETTLE}
local key, name = KEYS[1], ARGV[1]
local look = look_at(key, name)
local lost = settle(key, name, look)
local reply = redis.pcall('XREADGROUP', 'GROUP', name, ARGV[2], 'COUNT', ARGV[3], 'STREAMS', key, '>')
if reply and reply.err then return reply end
if reply and look and look.read then
  local group = group_of(key, name)
  if group then move(key, name, group['last-delivered-id'], look.read + #reply[1][2]) end
elseif ARGV[4] == '1' and look and look.read then
  move(key, name, look.position, look.read)
end
return {lost, look and look.stray and look.length > 0 and 1 or 0, reply}
`)

/**
 * KEYS: stream. ARGV: group. Answers lost, length, id of the oldest entry, entries ahead (-1: not known), id of the first
 * entry ahead, pending, 1 when the group stands beyond its stream; nothing at all when there is no group.
 */
export const FIGURES = script(`${SETTLE}
local key, name = KEYS[1], ARGV[1]
local look = look_at(key, name)
if not look then return {} end
local lost = settle(key, name, look)
local first_ahead = false
if not look.stray and look.first and look.ahead ~= 0 then
  local some = redis.call('XRANGE', key, '(' .. look.position, '+', 'COUNT', 1)
  first_ahead = some[1] and some[1][1] or false
end
return {lost, look.length, look.first or false, look.ahead or -1, first_ahead, look.pending, look.stray and 1 or 0}
`)

/**
 * XTRIM MINID below everything that any group has still to see or to finish, and nothing else. KEYS: stream. Answers how
 * many were removed, and of a stream with one group how many that group lost since the last time, and its name: what an
 * XGROUP SETID skipped is removed here. A stream without groups is left alone, and so is one with a group ahead of the stream's own last id (restored from a backup, flushed): what
 * such a group has seen cannot be known.
 */
export const TRIM = script(`${SETTLE}
local key = KEYS[1]
local groups = redis.pcall('XINFO', 'GROUPS', key)
if groups.err or #groups == 0 then return {0, 0} end
local last = fields(redis.call('XINFO', 'STREAM', key))['last-generated-id']
local bound, only = nil, nil
for _, flat in ipairs(groups) do
  local group = fields(flat)
  only = group['name']
  if after(group['last-delivered-id'], last) then return {0, 0} end
  local ms, n = string.match(group['last-delivered-id'], '^(%d+)-(%d+)$')
  local own = ms .. '-' .. string.format('%.0f', tonumber(n) + 1)
  local oldest = redis.call('XPENDING', key, group['name'])[2]
  if oldest and after(own, oldest) then own = oldest end
  if not bound or after(bound, own) then bound = own end
end
local lost = 0
if #groups == 1 then
  local look = look_at(key, only)
  lost = settle(key, only, look)
  if look.added and not look.read then
    local removed = redis.call('XTRIM', key, 'MINID', bound)
    return {removed, removed + settle(key, only, look_at(key, only)), only}
  end
end
return {redis.call('XTRIM', key, 'MINID', bound), lost, only}
`)

/**
 * XCLAIM. KEYS: stream. ARGV: group, consumer, least idle time, id…. Answers `[id, fields, deliveries]` for each entry that
 * was taken; the fields are nil where the body was deleted while it was pending, which Redis 7 would drop without a word.
 */
export const CLAIM = script(`
local key, name, idle = KEYS[1], ARGV[1], tonumber(ARGV[3])
local deliveries, taken = {}, {}
for i = 4, #ARGV do
  local rows = redis.pcall('XPENDING', key, name, ARGV[i], ARGV[i], 1)
  if rows.err then return rows end
  if rows[1] and rows[1][3] >= idle then deliveries[ARGV[i]] = rows[1][4] + 1 end
end
for _, entry in ipairs(redis.call('XCLAIM', key, unpack(ARGV))) do
  if entry then
    taken[#taken + 1] = {entry[1], entry[2], deliveries[entry[1]] or 1}
    deliveries[entry[1]] = nil
  end
end
for id, count in pairs(deliveries) do
  if #redis.call('XRANGE', key, id, id) == 0 then taken[#taken + 1] = {id, false, count} end
end
return taken
`)
