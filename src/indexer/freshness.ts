/**
 * How old what was written is at the moment it is committed: by the clock of whoever made the event, and by our own (the time
 * in an entry's id). Owns both histograms of one stream. Law: an age is never below 0; a clock ahead of ours is counted.
 */
import type { IndexerMetrics } from './metrics.ts'

/** Clocks of well-kept machines differ by less. */
const SKEW_MS = 2_000

/** When the entry was appended, ms; the time is in the id. */
export const appendedMs = (id: string): number => Number(id.slice(0, id.indexOf('-')))

export type Committed = {
  /** Entries of the batch. */
  readonly ids: readonly string[]
  /** When what was applied had happened, ms. */
  readonly happenedMs: readonly number[]
}

export const tellCommit = (metrics: IndexerMetrics, stream: string, { ids, happenedMs }: Committed): void => {
  const now = Date.now()
  const labels = { stream }
  let ahead = 0
  for (const ms of happenedMs) {
    if (ms > now + SKEW_MS) ahead += 1
    metrics.freshness.observe(labels, Math.max(0, now - ms) / 1_000)
  }
  for (const id of ids) metrics.appendToCommit.observe(labels, Math.max(0, now - appendedMs(id)) / 1_000)
  if (ahead > 0) metrics.clockSkew.inc(ahead)
  metrics.lastCommit.set(labels, now / 1_000)
}
