/** From what a batch did to the counters: one place, so that every figure follows from the same outcome. */
import type { StreamEvent } from '../event/event.ts'
import type { Outcome } from './apply.ts'
import type { Dropped, IndexerMetrics } from './metrics.ts'

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

export const countEvents = (
  metrics: IndexerMetrics,
  events: readonly StreamEvent[],
  outcome: Outcome,
): void => {
  metrics.events.inc(events.length)
  for (const event of events) {
    metrics[BY_TYPE[event.type]].inc()
    if (!('collection' in event)) continue
    metrics.recordsProcessed.inc()
    const counter = event.type === 'create' ? BY_COLLECTION.get(event.collection) : undefined
    if (counter) metrics[counter].inc()
  }
  const { plan, applied, voided, notifications } = outcome
  metrics.stale.inc(applied.stale + plan.superseded)
  metrics.repeated.inc(applied.repeated.length + plan.repeated)
  metrics.unchanged.inc(applied.unchanged)
  metrics.dbWrites.inc(applied.rowsWritten)
  metrics.notifications.inc(notifications)
  if (voided > 0) metrics.dropped.inc({ reason: 'account_deleted' }, voided)
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
