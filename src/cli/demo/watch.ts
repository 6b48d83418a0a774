/**
 * Watches a demo run: reads its figures, and decides when everything produced has been indexed, or will not be any more. Owns
 * the words "done" and "stuck"; changes nothing.
 */
import type { Pool } from '../../db/pool.ts'
import { sleep } from '../../lib/backoff.ts'
import type { Sandbox } from '../../sandbox/index.ts'
import type { Log } from '../../stream/log.ts'
import { readStore, undone } from '../status/store.ts'
import { compare, type Comparison } from './compare.ts'
import type { Figures, Progress } from './progress.ts'

export type Watched = {
  readonly network: Sandbox
  readonly log: Log
  readonly pool: Pool
  readonly keeps: (collection: string) => boolean
}

/** A pipeline that has drained and changes nothing for this long will not become complete by waiting. */
const STUCK_AFTER_MS = 60_000
const LOOK_EVERY_MS = 500

/** Counting the truth builds it: it may take no more than this part of the process's time. */
const COUNT_SHARE = 0.05

/** Live records of the network, recounted as often as their number allows. */
const createCounter = ({ network, keeps }: Watched): (() => number) => {
  let known = 0
  let dueAt = 0
  return () => {
    const startedAt = performance.now()
    if (startedAt < dueAt) return known
    known = network.truth().records.filter(({ collection }) => keeps(collection)).length
    const endedAt = performance.now()
    dueAt = endedAt + (endedAt - startedAt) / COUNT_SHARE
    return known
  }
}

const countIndexed = async ({ pool }: Watched): Promise<number> => {
  const text = `SELECT count(*)::int AS n FROM ${pool.schema}.record WHERE cid <> ''`
  return (await pool.query<{ n: number }>({ text })).rows[0]?.n ?? 0
}

const createReader = (watched: Watched): (() => Promise<Figures>) => {
  const countProduced = createCounter(watched)
  return async () => {
    const [indexed, store] = await Promise.all([countIndexed(watched), readStore(watched.log)])
    return { produced: countProduced(), indexed, queued: undone(store) }
  }
}

export const compareNow = ({ network, pool, keeps }: Watched): Promise<Comparison> =>
  compare(pool, network.truth(), keeps)

/** Resolves with the time (of `performance.now()`) at which the number of rows last changed. */
type Watcher = (watched: Watched, progress: Progress, signal: AbortSignal) => Promise<number>

type Seen = { readonly figures: Figures; readonly movedAt: number; readonly rowsAt: number }

const see = (before: Seen | null, figures: Figures): Seen => {
  const now = performance.now()
  if (before === null) return { figures, movedAt: now, rowsAt: now }
  const { produced, indexed, queued } = before.figures
  const isSame = produced === figures.produced && indexed === figures.indexed && queued === figures.queued
  return {
    figures,
    movedAt: isSame ? before.movedAt : now,
    rowsAt: indexed === figures.indexed ? before.rowsAt : now,
  }
}

const watching =
  (isOver: (seen: Seen) => Promise<boolean>): Watcher =>
  async (watched, progress, signal) => {
    const read = createReader(watched)
    let seen: Seen | null = null
    while (!signal.aborted) {
      seen = see(seen, await read())
      progress.update(seen.figures)
      if (await isOver(seen)) break
      await sleep(LOOK_EVERY_MS, signal)
    }
    return seen?.rowsAt ?? performance.now()
  }

/** Shows progress until the signal aborts. */
export const watch: Watcher = watching(async () => false)

/** Shows progress until everything scheduled is produced and indexed, nothing moves any more, or the signal aborts. */
export const watchUntilDone: Watcher = (watched, progress, signal) => {
  let isProduced = false
  void watched.network.done.then(() => (isProduced = true))
  const isOver = async ({ figures, movedAt }: Seen): Promise<boolean> => {
    if (!isProduced) return false
    if (performance.now() - movedAt > STUCK_AFTER_MS) return true
    return figures.queued === 0 && (await compareNow(watched)).isComplete
  }
  return watching(isOver)(watched, progress, signal)
}
