/** The captured events straight into the indexer's tables, without streams: in any order, split over any number of appliers. */
import { openPool, type Pool } from '../../src/db/pool.ts'
import type { StreamEvent } from '../../src/event/event.ts'
import { RecentDids } from '../../src/indexer/accounts.ts'
import { applyEvents } from '../../src/indexer/apply.ts'
import { createIdentityWorker } from '../../src/indexer/identity-worker.ts'
import type { Lookup } from '../../src/indexer/lookup.ts'
import { silentLogger } from '../../src/lib/logger.ts'
import { freshDatabase } from '../harness/services.ts'
import { documents, golden, handles, listedRepos, repoAnswers } from './network.ts'
import { readTables, type Tables } from './tables.ts'
import { until } from './until.ts'

export type Replay = {
  /** Each applier's events, in its order. */
  readonly shares: readonly (readonly StreamEvent[])[]
  readonly batch: number
}

/** What the hosts of the captured network say, without asking over HTTP. */
const capturedLookup: Lookup = {
  identity: async (did) => {
    const claimed = documents[did]?.alsoKnownAs?.[0]?.replace('at://', '')
    return claimed !== undefined && handles[claimed] === did ? { handle: claimed } : { handle: null }
  },
  status: async (did) => {
    if (repoAnswers[did]?.error === 'RepoNotFound') return 'gone'
    const repo = listedRepos.find((listed) => listed.did === did)
    return { active: repo?.active ?? true, status: repo?.status ?? null }
  },
}

/** Resolves when no account waits to be looked up. */
export const identitiesSettled = (pool: Pool): Promise<void> =>
  until(async () => {
    const { rows } = await pool.query({ text: 'select 1 from millrace.identity_work limit 1' })
    return rows.length === 0
  })

const lookUpAll = async (pool: Pool): Promise<void> => {
  const stop = new AbortController()
  const worker = createIdentityWorker({
    pool,
    lookup: capturedLookup,
    logger: silentLogger,
    concurrency: 20,
    onOutcome: () => undefined,
  })
  const running = worker.run(stop.signal)
  await Promise.race([identitiesSettled(pool), running])
  stop.abort()
  await running
}

/** One applier: its events in their order, so many at a time. */
export const apply = async (pool: Pool, events: readonly StreamEvent[], batch: number): Promise<void> => {
  const recent = new RecentDids({ max: 1_000, ttlMs: 60_000 })
  for (let from = 0; from < events.length; from += batch) {
    await applyEvents({ pool, recent, resolveIdentities: true }, events.slice(from, from + batch))
  }
}

/** A migrated database of one's own while `work` runs. */
export const withPool = async <T>(work: (pool: Pool) => Promise<T>): Promise<T> => {
  await using database = await freshDatabase({ migrated: true })
  const pool = await openPool({ url: database.url, max: 6, logger: silentLogger })
  try {
    return await work(pool)
  } finally {
    await pool.close()
  }
}

/** The tables after the replay, in a database of its own. */
export const replay = ({ shares, batch }: Replay): Promise<Tables> =>
  withPool(async (pool) => {
    await Promise.all(shares.map((events) => apply(pool, events, batch)))
    await lookUpAll(pool)
    return readTables(pool, Object.keys(golden))
  })

/** Park and Miller's generator: the same seed, the same order, everywhere. */
export const shuffled = <T>(items: readonly T[], seed: number): T[] => {
  const list = [...items]
  let state = (seed * 48_271) % 2_147_483_647
  for (let last = list.length - 1; last > 0; last--) {
    state = (state * 48_271) % 2_147_483_647
    const other = state % (last + 1)
    ;[list[last], list[other]] = [list[other] as T, list[last] as T]
  }
  return list
}

/** Dealt like cards: neighbours go to different appliers. */
export const dealt = <T>(items: readonly T[], hands: number): T[][] =>
  Array.from({ length: hands }, (_, hand) => items.filter((_item, index) => index % hands === hand))
