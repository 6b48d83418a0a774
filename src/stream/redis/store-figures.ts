/**
 * What Redis tells of itself while it runs: what the start looked at (boot-checks) may have been changed since, and its disk
 * may have failed. Of several masters: sums, the slowest answer, and the worst verdict. A managed Redis hides CONFIG: what
 * INFO does not tell is then not known, which is not the same as bad.
 */
import type { StoreFigures, StoreSafety } from '../figures.ts'
import { parseInfo } from './boot-checks.ts'
import type { Command, Link, Reply } from './link.ts'
import { list, text } from './replies.ts'
import type { Topology } from './topology.ts'

export const storeFigures = async (topology: Topology): Promise<StoreFigures> => {
  const masters = await Promise.all((await topology.masters()).map(figuresOf))
  const capacities = masters.map(({ capacityBytes }) => capacityBytes)
  return {
    usedBytes: masters.reduce((sum, { usedBytes }) => sum + usedBytes, 0),
    capacityBytes: capacities.reduce(
      (sum, bytes) => (sum === null || bytes === null ? null : sum + bytes),
      0,
    ),
    pingMs: Math.max(...masters.map(({ pingMs }) => pingMs)),
    safety: {
      eviction: worst(masters.map(({ safety }) => safety.eviction)),
      persistence: worst(masters.map(({ safety }) => safety.persistence)),
      memoryLimit: worst(masters.map(({ safety }) => safety.memoryLimit)),
    },
  }
}

const worst = (verdicts: readonly (boolean | null)[]): boolean | null =>
  verdicts.includes(false) ? false : verdicts.includes(null) ? null : true

const figuresOf = async (master: Link): Promise<StoreFigures> => {
  const begin = performance.now()
  const ping = master.send(['PING']).then(() => performance.now() - begin)
  const ask = (command: Command) => master.send(command).catch((): Reply => null)
  const [pingMs, memory, persistence, save] = await Promise.all([
    ping,
    master.send(['INFO', 'memory']),
    ask(['INFO', 'persistence']),
    ask(['CONFIG', 'GET', 'save']),
  ])
  const facts = new Map([...parseInfo(String(memory)), ...parseInfo(String(persistence))])
  const limit = Number(facts.get('maxmemory') ?? NaN)
  return {
    usedBytes: Number(facts.get('used_memory') ?? NaN),
    capacityBytes: limit > 0 ? limit : null,
    pingMs,
    safety: safetyOf(facts, text(list(save)[1])),
  }
}

/** `save`: the snapshot rules; null when the server does not tell. */
export const safetyOf = (facts: ReadonlyMap<string, string>, save: string | null): StoreSafety => {
  const policy = facts.get('maxmemory_policy')
  const limit = facts.get('maxmemory')
  return {
    eviction: policy === undefined ? null : policy === 'noeviction' || limit === '0',
    memoryLimit: limit === undefined ? null : limit !== '0',
    persistence: persists(facts, save),
  }
}

const persists = (facts: ReadonlyMap<string, string>, save: string | null): boolean | null => {
  const appendOnly = facts.get('aof_enabled')
  if (facts.get('aof_last_write_status') === 'err') return false
  if (appendOnly === '1') return true
  if (save !== null && save !== '') return facts.get('rdb_last_bgsave_status') !== 'err'
  return appendOnly === undefined || save === null ? null : false
}
