/** From what a batch did to the counters: one place, so that every figure follows from the same outcome; added up per batch. */
import type { StreamEvent } from '../event/event.ts'
import type { Outcome } from './apply.ts'
import { collectionByNsid } from './collections/index.ts'
import type { Dropped, IndexerMetrics } from './metrics.ts'
import type { CountedType, Result } from './metrics-flow.ts'

const BY_TYPE = {
  create: 'creates',
  update: 'updates',
  delete: 'deletes',
  repo: 'repos',
  account: 'accounts',
  identity: 'identities',
} as const

const BY_COLLECTION: ReadonlyMap<string, 'posts' | 'likes' | 'reposts' | 'follows' | 'blocks' | 'profiles'> =
  new Map([
    ['app.bsky.feed.post', 'posts'],
    ['app.bsky.feed.like', 'likes'],
    ['app.bsky.feed.repost', 'reposts'],
    ['app.bsky.graph.follow', 'follows'],
    ['app.bsky.graph.block', 'blocks'],
    ['app.bsky.actor.profile', 'profiles'],
  ])

/** How often each key came. */
class Tally<K> {
  readonly #counts = new Map<K, number>()

  add(key: K): void {
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1)
  }

  [Symbol.iterator](): IterableIterator<[K, number]> {
    return this.#counts[Symbol.iterator]()
  }
}

export const countEvents = (
  metrics: IndexerMetrics,
  events: readonly StreamEvent[],
  results: readonly Result[],
): void => {
  const types = new Tally<keyof typeof BY_TYPE>()
  const collections = new Tally<string>()
  let records = 0
  for (const event of events) {
    types.add(event.type)
    if (!('collection' in event)) continue
    records += 1
    if (event.type === 'create') collections.add(event.collection)
  }
  metrics.events.inc(events.length)
  metrics.recordsProcessed.inc(records)
  for (const [type, count] of types) metrics[BY_TYPE[type]].inc(count)
  for (const [nsid, count] of collections) {
    const counter = BY_COLLECTION.get(nsid)
    if (counter) metrics[counter].inc(count)
  }
  countResults(metrics, events, results)
}

const countResults = (
  metrics: IndexerMetrics,
  events: readonly StreamEvent[],
  results: readonly Result[],
): void => {
  const byType = new Map<CountedType, Tally<Result>>()
  const untouched = { stale: new Tally<string>(), unchanged: new Tally<string>() }
  for (const [position, event] of events.entries()) {
    const result = results[position] ?? 'dropped'
    const tally = byType.get(event.type) ?? new Tally<Result>()
    tally.add(result)
    byType.set(event.type, tally)
    if (result === 'applied' || result === 'dropped' || !('collection' in event)) continue
    const outcome = untouched[result === 'stale' ? 'stale' : 'unchanged']
    outcome.add('record')
    const table = collectionByNsid.get(event.collection)?.table
    if (table !== undefined) outcome.add(table)
  }
  for (const [type, tally] of byType)
    for (const [result, count] of tally) metrics.results.inc({ type, result }, count)
  for (const [table, count] of untouched.stale) metrics.rows.inc({ table, outcome: 'stale' }, count)
  for (const [table, count] of untouched.unchanged) metrics.rows.inc({ table, outcome: 'unchanged' }, count)
}

export const countOutcome = (
  metrics: IndexerMetrics,
  { plan, applied, voided, notifications }: Outcome,
): void => {
  metrics.stale.inc(applied.stale.length + plan.superseded)
  metrics.repeated.inc(applied.repeated.length + plan.repeated)
  metrics.unchanged.inc(applied.unchanged.length)
  metrics.dbWrites.inc(applied.rowsWritten)
  metrics.notifications.inc(notifications)
  if (voided.length > 0) metrics.dropped.inc({ reason: 'account_deleted' }, voided.length)
  for (const [reason, count] of plan.drops) countDrop(metrics, reason, count)
}

/** A collection that is not kept is no error; every other reason is one, though not ours. */
export const countDrop = (metrics: IndexerMetrics, reason: Dropped, count: number): void => {
  metrics.dropped.inc({ reason }, count)
  if (reason === 'unknown_collection') {
    metrics.filtered.inc(count)
    return
  }
  metrics.recordsFailed.inc(count)
  metrics.expectedErrors.inc(count)
  metrics.errors.inc(count)
}
