/**
 * What must look and act in one step on the server, because another process could change the groups in between. Each script
 * is about one key, so it works in a cluster; only commands of Redis 6.2.
 */
import { createHash } from 'node:crypto'

export type Script = { readonly text: string; readonly sha1: string }

const script = (text: string): Script => ({ text, sha1: createHash('sha1').update(text).digest('hex') })

const POSITIONS = `
local function position(id)
  local dash = string.find(id, '-', 1, true)
  return tonumber(string.sub(id, 1, dash - 1)), tonumber(string.sub(id, dash + 1))
end
local function after(a, b)
  local ams, an = position(a)
  local bms, bn = position(b)
  return ams > bms or (ams == bms and an > bn)
end
local function fields(flat)
  local map = {}
  for i = 1, #flat, 2 do map[flat[i]] = flat[i + 1] end
  return map
end
`

/**
 * XACK, then XDEL of what no group has still to see or to finish. KEYS: stream. ARGV: group, id….
 * Answers how many were pending. With one group (rsky's layout) that is XACK + XDEL of the same ids.
 */
export const ACK = script(`${POSITIONS}
local acked = redis.call('XACK', KEYS[1], unpack(ARGV))
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if groups.err then return acked end
if #groups == 1 and acked == #ARGV - 1 then
  redis.call('XDEL', KEYS[1], unpack(ARGV, 2))
  return acked
end
for g = 1, #groups do groups[g] = fields(groups[g]) end
local function wanted(id)
  for _, group in ipairs(groups) do
    if after(id, group['last-delivered-id']) then return true end
    if #redis.call('XPENDING', KEYS[1], group['name'], id, id, 1) > 0 then return true end
  end
  return false
end
for i = 2, #ARGV do
  if not wanted(ARGV[i]) then redis.call('XDEL', KEYS[1], ARGV[i]) end
end
return acked
`)

/**
 * XTRIM MINID below everything that any group has still to see or to finish, and nothing else. KEYS: stream. Answers how
 * many were removed. A stream without groups is left alone, and so is one with a group ahead of the stream's own last id
 * (restored from a backup, flushed): what such a group has seen cannot be known.
 */
export const TRIM = script(`${POSITIONS}
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if groups.err or #groups == 0 then return 0 end
local last = fields(redis.call('XINFO', 'STREAM', KEYS[1]))['last-generated-id']
local bound = nil
for _, flat in ipairs(groups) do
  local group = fields(flat)
  if after(group['last-delivered-id'], last) then return 0 end
  local own = redis.call('XPENDING', KEYS[1], group['name'])[2]
  if not own then
    local ms, n = string.match(group['last-delivered-id'], '^(%d+)-(%d+)$')
    own = ms .. '-' .. string.format('%.0f', tonumber(n) + 1)
  end
  if not bound or after(bound, own) then bound = own end
end
return redis.call('XTRIM', KEYS[1], 'MINID', bound)
`)
