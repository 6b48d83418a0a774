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

type Produced = Readonly<Record<string, { create: number; delete: number }>>

/** Asked over HTTP: building the whole truth to count it would take the time of the pipeline. */
const countProduced = async ({ network, keeps }: Watched): Promise<number> => {
  const { produced } = (await (await fetch(network.controlUrl)).json()) as { produced: Produced }
  return Object.entries(produced)
    .filter(([collection]) => keeps(collection))
    .reduce((sum, [, counts]) => sum + counts.create - counts.delete, 0)
}

const countIndexed = async ({ pool }: Watched): Promise<number> => {
  const text = `SELECT count(*)::int AS n FROM ${pool.schema}.record WHERE cid <> ''`
  return (await pool.query<{ n: number }>({ text })).rows[0]?.n ?? 0
}

const readFigures = async (watched: Watched): Promise<Figures> => {
  const [produced, indexed, store] = await Promise.all([
    countProduced(watched),
    countIndexed(watched),
    readStore(watched.log),
  ])
  return { produced, indexed, queued: undone(store) }
}

export const compareNow = ({ network, pool, keeps }: Watched): Promise<Comparison> =>
  compare(pool, network.truth(), keeps)

/** Shows progress until the signal aborts. */
export const watch = async (watched: Watched, progress: Progress, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    progress.update(await readFigures(watched))
    await sleep(LOOK_EVERY_MS, signal)
  }
}

/** Shows progress until everything scheduled is produced and indexed, nothing moves any more, or the signal aborts. */
export const watchUntilDone = async (
  watched: Watched,
  progress: Progress,
  signal: AbortSignal,
): Promise<void> => {
  let isProduced = false
  void watched.network.done.then(() => (isProduced = true))
  let moved = { state: '', at: performance.now() }
  while (!signal.aborted) {
    const figures = await readFigures(watched)
    progress.update(figures)
    const state = JSON.stringify(figures)
    if (state !== moved.state) moved = { state, at: performance.now() }
    const isQuiet = isProduced && figures.queued === 0
    if (isQuiet && (await compareNow(watched)).isComplete) return
    if (isProduced && performance.now() - moved.at > STUCK_AFTER_MS) return
    await sleep(LOOK_EVERY_MS, signal)
  }
}
