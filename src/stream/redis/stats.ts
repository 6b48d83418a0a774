/** The length and age of a stream, and the checkpoints there are. */
import type { Checkpoint, StreamStats } from '../log.ts'
import { entriesOf, list, number, positionOf, text } from './replies.ts'
import type { Topology } from './topology.ts'

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
