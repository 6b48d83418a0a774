/**
 * What must look and act in one step on the server, because another process could change the groups in between. Each script
 * is about one key, so it works in a cluster; only commands of Redis 6.2.
 */
import { createHash } from 'node:crypto'
import { replyCode } from './errors.ts'
import type { Reply } from './link.ts'
import type { Topology } from './topology.ts'

export type Script = { readonly text: string; readonly sha1: string }

export const script = (text: string): Script => ({
  text,
  sha1: createHash('sha1').update(text).digest('hex'),
})

/** By its hash; by its text on a server that has not seen it yet. */
export const runScript = async (
  topology: Topology,
  { sha1, text }: Script,
  key: string,
  args: readonly string[],
): Promise<Reply> => {
  try {
    return await topology.send(key, ['EVALSHA', sha1, '1', key, ...args])
  } catch (error) {
    if (replyCode(error) !== 'NOSCRIPT') throw error
    return topology.send(key, ['EVAL', text, '1', key, ...args])
  }
}

export const POSITIONS = `
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
 * Answers how many were pending. With one group (rsky's layout) that is XACK + XDEL of the same ids, unless the group was set
 * back to before some of them: these it has still to see.
 */
export const ACK = script(`${POSITIONS}
local rows = redis.pcall('XPENDING', KEYS[1], ARGV[1])
local acked = redis.call('XACK', KEYS[1], unpack(ARGV))
local groups = redis.pcall('XINFO', 'GROUPS', KEYS[1])
if groups.err then return acked end
if #groups == 1 and acked == #ARGV - 1 and not after(rows[3], fields(groups[1])['last-delivered-id']) then
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
