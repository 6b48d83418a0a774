/** The indexer: composes its loops, its identity worker and what it says of itself. */
import type { Registry } from '@prometheus-io/client'
import { decodeEvent, decodeLabels } from '../event/codec.ts'
import type { LabelEvent, StreamEvent } from '../event/event.ts'
import { deadLetterStream, FIREHOSE_BACKFILL, FIREHOSE_LIVE, LABEL_LIVE } from '../event/streams.ts'
import { describeError } from '../lib/errors.ts'
import { runServices, type Service } from '../lib/service.ts'
import { registerMetrics } from '../monitoring/metrics.ts'
import { createRegistry } from '../monitoring/registry.ts'
import type { StatusSource } from '../monitoring/status.ts'
import { createConsumer } from '../stream/consumer.ts'
import { RecentDids } from './accounts.ts'
import { applyEvents } from './apply.ts'
import { countDrop, countEvents } from './count.ts'
import { createIdentityWorker } from './identity-worker.ts'
import { coverNegated, planLabels, writeLabels } from './labels.ts'
import { createLoop } from './loop.ts'
import { indexerMetrics, type IndexerMetrics } from './metrics.ts'
import type { IndexerOptions } from './options.ts'
import { watchPool } from './pool-metrics.ts'
import { createState, type State } from './state.ts'

export type Indexer = {
  readonly service: Service
  readonly registry: Registry
  readonly status: StatusSource
}

/** An entry is given up only for what it says; this many deliveries without an outcome mean that it kills the process. */
const MAX_DELIVERIES = 20

export const createIndexer = (options: IndexerOptions): Indexer => {
  const streams = options.mode === 'label' ? [] : (options.streams ?? [FIREHOSE_LIVE, FIREHOSE_BACKFILL])
  const labelStreams = options.mode === 'stream' ? [] : [options.labelStream ?? LABEL_LIVE]
  const state = createState(options, [...streams, ...labelStreams])
  const registry = createRegistry('indexer', options.version)
  const metrics = registerMetrics(registry, indexerMetrics(state.readings, [...streams, ...labelStreams]))
  watchPool(options.pool, metrics)
  const recent = new RecentDids({ max: 200_000, ttlMs: 3_600_000 })
  const services = [
    ...streams.map((stream) => eventLoop(options, stream, { metrics, state, recent })),
    ...labelStreams.map((stream) => labelLoop(options, stream, { metrics, state })),
    ...identityWorker(options, metrics),
  ]
  const service: Service = {
    name: 'indexer',
    run: async (signal) => {
      await Promise.all(
        [...streams, ...labelStreams].map((stream) => options.log.ensureGroup(stream, options.group)),
      )
      await runServices(services, signal)
      state.stopped()
    },
  }
  return { service, registry, status: state.source() }
}

type Parts = { readonly metrics: IndexerMetrics; readonly state: State }

const loopParts = (options: IndexerOptions, stream: string, { metrics, state }: Parts) => ({
  name: stream,
  consumer: createConsumer({
    log: options.log,
    stream,
    group: options.group,
    consumer: options.consumer,
    batchSize: options.batchSize,
    maxBatchBytes: options.maxBatchBytes ?? 16 * 1024 * 1024,
    abandonedAfterMs: options.abandonedAfterMs ?? 300_000,
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
  metrics,
  logger: options.logger,
  onBusy: (by: 1 | -1) => state.busy(by),
  onOutage: (what: string, todo: string) => state.outage(what, todo),
  onProblem: (what: string, todo: string) => state.problem(what, todo),
  onProgress: () => state.progress(),
})

const eventLoop = (
  options: IndexerOptions,
  stream: string,
  parts: Parts & { recent: RecentDids },
): Service => {
  const { pool, lookup } = options
  const { metrics, recent, state } = parts
  return createLoop<StreamEvent>({
    ...loopParts(options, stream, parts),
    decode: decodeEvent,
    write: async (events) => {
      const outcome = await applyEvents(
        { pool, recent, resolveIdentities: lookup !== undefined, onConflict: () => metrics.conflicts.inc() },
        events,
      )
      countEvents(metrics, events, outcome)
      state.count(events.length)
    },
  })
}

const labelLoop = (options: IndexerOptions, stream: string, parts: Parts): Service => {
  const { pool } = options
  const { metrics, state } = parts
  return createLoop<LabelEvent>({
    ...loopParts(options, stream, parts),
    decode: decodeLabels,
    write: async (events) => {
      const labels = events.flatMap((event) => event.labels)
      const plan = planLabels(labels)
      const onRetry = () => metrics.conflicts.inc()
      const written = await pool.transaction((tx) => writeLabels(tx, pool.schema, plan.labels), { onRetry })
      const covered = await pool.transaction((tx) => coverNegated(tx, pool.schema, plan.labels), { onRetry })
      const removed = labels.filter(({ neg }) => neg).length
      metrics.labels.inc(labels.length)
      metrics.labelsAdded.inc(labels.length - removed)
      metrics.labelsRemoved.inc(removed)
      metrics.dbWrites.inc(written + covered)
      for (const [reason, count] of plan.drops) countDrop(metrics, reason, count)
      state.count(labels.length)
    },
  })
}

const identityWorker = (
  { pool, lookup, logger, lookupConcurrency }: IndexerOptions,
  metrics: IndexerMetrics,
): Service[] =>
  lookup
    ? [
        createIdentityWorker({
          pool,
          lookup,
          logger,
          concurrency: lookupConcurrency ?? 20,
          onOutcome: (outcome) => metrics.identityLookups.inc({ outcome }),
        }),
      ]
    : []
