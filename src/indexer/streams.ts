/** The indexer's streams, each as a loop: what an entry of it means, and what is told when its batch is committed. */
import type { Pool } from '../db/pool.ts'
import { decodeEvent, decodeLabels } from '../event/codec.ts'
import type { Label, LabelEvent, StreamEvent } from '../event/event.ts'
import { deadLetterStream } from '../event/streams.ts'
import { describeError } from '../lib/errors.ts'
import type { Service } from '../lib/service.ts'
import { consumerReports } from '../monitoring/stream-metrics.ts'
import { createConsumer } from '../stream/consumer.ts'
import { ABANDONED_AFTER_MS } from '../stream/figures.ts'
import type { RecentDids } from './accounts.ts'
import { applyEvents, type Outcome } from './apply.ts'
import { countDrop, countEvents, countOutcome } from './count.ts'
import { appendedMs, tellCommit } from './freshness.ts'
import { coverNegated, planLabels, writeLabels, type LabelPlan } from './labels.ts'
import { createLoop, type Item, MAX_READ_BYTES } from './loop.ts'
import type { IndexerMetrics } from './metrics.ts'
import type { Result } from './metrics-flow.ts'
import type { IndexerOptions } from './options.ts'
import { resultsOf } from './results.ts'
import { ofKind } from './sql.ts'
import type { State } from './state.ts'

export type Parts = { readonly metrics: IndexerMetrics; readonly state: State }

/** An entry is given up only for what it says; this many deliveries without an outcome mean that it kills the process. */
const MAX_DELIVERIES = 20

const loopParts = (options: IndexerOptions, stream: string, { metrics, state }: Parts) => ({
  name: stream,
  consumer: createConsumer({
    ...consumerReports(metrics, stream),
    log: options.log,
    stream,
    group: options.group,
    consumer: options.consumer,
    batchSize: options.batchSize,
    maxBatchBytes: options.maxBatchBytes ?? MAX_READ_BYTES,
    abandonedAfterMs: options.abandonedAfterMs ?? ABANDONED_AFTER_MS,
    deadLetterStream: deadLetterStream(stream),
    retry: { initialMs: 1_000, maxMs: 60_000 },
    maxDeliveries: MAX_DELIVERIES,
    onStoreError: (error) => {
      metrics.unexpectedErrors.inc()
      metrics.errors.inc()
      state.outage(
        `The stream store is away: ${describeError(error)}`,
        'Nothing is lost; reading goes on when it is back.',
      )
    },
  }),
  batchSize: options.batchSize,
  account: state.account(stream),
  metrics,
  logger: options.logger,
  onBusy: (by: 1 | -1) => state.busy(by),
  onOutage: (what: string, todo: string) => state.outage(what, todo),
  onProblem: (what: string, todo: string) => state.problem(what, todo),
  onProgress: () => state.progress(),
})

const idsOf = (items: readonly Item<unknown>[]): string[] => items.map(({ entry }) => entry.id)

export const eventLoop = (
  options: IndexerOptions,
  stream: string,
  parts: Parts & { recent: RecentDids },
): Service => {
  const { pool, lookup, indexUnknown = false } = options
  const { metrics, recent } = parts
  const onConflict = () => metrics.conflicts.inc()
  return createLoop<StreamEvent>({
    ...loopParts(options, stream, parts),
    decode: decodeEvent,
    keyOf: ({ did }) => did,
    write: async (items) => {
      const events = items.map(({ value }) => value)
      const outcome = await applyEvents(
        { pool, recent, resolveIdentities: lookup !== undefined, indexUnknown, onConflict },
        events,
      )
      const results = resultsOf(events, outcome)
      tellCommit(metrics, stream, { ids: idsOf(items), happenedMs: happenedMs(items, outcome, results) })
      countEvents(metrics, events, results)
      countOutcome(metrics, outcome)
    },
  })
}

/** When the applied changes had happened. The time of a backfilled event says when its repo was read: its append stands in. */
const happenedMs = (
  items: readonly Item<StreamEvent>[],
  { plan: { changes, positions } }: Outcome,
  results: readonly Result[],
): number[] => {
  const times: number[] = []
  for (const change of changes) {
    const position = positions.get(change) ?? -1
    const item = items[position]
    if (item === undefined || results[position] !== 'applied') continue
    times.push(change.live ? Date.parse(change.at) : appendedMs(item.entry.id))
  }
  return times
}

export const labelLoop = (options: IndexerOptions, stream: string, parts: Parts): Service => {
  const { metrics } = parts
  return createLoop<LabelEvent>({
    ...loopParts(options, stream, parts),
    decode: decodeLabels,
    // A label has no account of its own, and there are few: one after the other.
    keyOf: () => stream,
    write: async (items) => {
      const labels = items.flatMap(({ value }) => value.labels)
      const plan = planLabels(labels)
      const { written, covered } = await applyLabels(options.pool, plan, () => metrics.conflicts.inc())
      tellCommit(metrics, stream, {
        ids: idsOf(items),
        happenedMs: written.map(({ cts }) => Date.parse(cts)),
      })
      countLabels(metrics, labels, { plan, written: written.length, covered })
    },
  })
}

const applyLabels = async (pool: Pool, plan: LabelPlan, onRetry: () => void) => {
  const { schema } = pool
  const written = await pool.transaction((tx) => writeLabels(ofKind(tx, 'labels'), schema, plan), {
    onRetry,
  })
  const covered = await pool.transaction((tx) => coverNegated(ofKind(tx, 'labels'), schema, plan.labels), {
    onRetry,
  })
  return { written, covered }
}

type Labelled = { readonly plan: LabelPlan; readonly written: number; readonly covered: number }

const countLabels = (
  metrics: IndexerMetrics,
  labels: readonly Label[],
  { plan, written, covered }: Labelled,
): void => {
  const removed = labels.filter(({ neg }) => neg).length
  const dropped = plan.drops.values().reduce((sum, count) => sum + count, 0)
  const stale = labels.length - dropped - written
  metrics.labels.inc(labels.length)
  metrics.labelsAdded.inc(labels.length - removed)
  metrics.labelsRemoved.inc(removed)
  metrics.dbWrites.inc(written + covered)
  metrics.results.inc({ type: 'label', result: 'applied' }, written)
  metrics.results.inc({ type: 'label', result: 'stale' }, stale)
  metrics.results.inc({ type: 'label', result: 'dropped' }, dropped)
  metrics.rows.inc({ table: 'label', outcome: 'stale' }, stale)
  for (const [reason, count] of plan.drops) countDrop(metrics, reason, count)
}
