/** Figures about streams and groups, each from a constant number of cheap commands in one round trip. */
import type { Checkpoint, GroupStats, StreamStats } from '../log.ts'
import { lagFacts, lagOf } from './lag.ts'
import { entriesOf, list, number, pendingRows, positionOf, text } from './replies.ts'
import type { Topology } from './topology.ts'

/**
 * Redis cannot be asked for the longest idle time. It is looked for among the oldest so many pending entries: exact while no
 * more are pending, and a lower bound beyond that.
 */
const IDLE_SAMPLE = 100

const SCAN_COUNT = 5_000

export const streamStats = async (topology: Topology, stream: string): Promise<StreamStats> => {
  const [length, first] = await topology.pipeline(stream, [
    ['XLEN', stream],
    ['XRANGE', stream, '-', '+', 'COUNT', '1'],
  ])
  const oldest = entriesOf(first, 0)[0]
  return {
    length: number(length),
    oldestAgeMs: oldest === undefined ? 0 : Math.max(0, Date.now() - positionOf(oldest.id)[0]),
  }
}

/** Rejects with Redis's own error when stream or group are missing. */
export const groupStats = async (topology: Topology, stream: string, group: string): Promise<GroupStats> => {
  const [streamInfo = null, groupsInfo = null, oldestPending] = await topology.pipeline(stream, [
    ['XINFO', 'STREAM', stream],
    ['XINFO', 'GROUPS', stream],
    ['XPENDING', stream, group, '-', '+', String(IDLE_SAMPLE)],
  ])
  const facts = lagFacts(streamInfo, groupsInfo, group)
  const idle = pendingRows(oldestPending).map((row) => row.idleMs)
  return {
    lag: facts === null ? 0 : lagOf(facts),
    pending: facts?.pending ?? 0,
    oldestPendingIdleMs: Math.max(0, ...idle),
  }
}

/** Walks the whole keyspace: for an operator's question, not for a loop. */
export const scanCheckpoints = async (topology: Topology, prefix: string): Promise<Checkpoint[]> => {
  const pattern = `${prefix.replace(/[\\*?[\]]/g, '\\$&')}*`
  const names = new Set<string>()
  for (const master of await topology.masters()) {
    let cursor = '0'
    do {
      const reply = await master.send([
        'SCAN',
        cursor,
        'MATCH',
        pattern,
        'COUNT',
        String(SCAN_COUNT),
        'TYPE',
        'string',
      ])
      const [next, keys] = list(reply)
      cursor = text(next) ?? '0'
      for (const key of list(keys)) names.add(String(key))
    } while (cursor !== '0')
  }
  const sorted = [...names].sort()
  const values = await Promise.all(sorted.map(async (name) => text(await topology.send(name, ['GET', name]))))
  return sorted.flatMap((name, i) => {
    const value = values[i] ?? null
    return value === null ? [] : [{ name, value }]
  })
}
