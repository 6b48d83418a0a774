/** The indexer: composes its loops, its identity worker and what it says of itself. */
import type { Registry } from '@prometheus-io/client'
import { deadLetterStream } from '../event/streams.ts'
import { runServices, type Service } from '../lib/service.ts'
import { registerMetrics } from '../monitoring/metrics.ts'
import { createRegistry } from '../monitoring/registry.ts'
import type { StatusSource } from '../monitoring/status.ts'
import { StreamWatch } from '../stream/watch.ts'
import { RecentDids } from './accounts.ts'
import { RECENT_ACCOUNTS } from './bounds.ts'
import { createIdentityWorker } from './identity-worker.ts'
import { indexerMetrics, type IndexerMetrics } from './metrics.ts'
import { streamsOf, type IndexerOptions } from './options.ts'
import { watchPool } from './pool-metrics.ts'
import { createState } from './state.ts'
import { eventLoop, labelLoop } from './streams.ts'

export type Indexer = {
  readonly service: Service
  readonly registry: Registry
  readonly status: StatusSource
}

export const createIndexer = (options: IndexerOptions): Indexer => {
  const { streams, labelStreams } = streamsOf(options)
  const all = [...new Set([...streams, ...labelStreams])]
  const watch = watchStreams(options, all, (stream, entries) => metrics.streamLost.inc({ stream }, entries))
  const state = createState(options, all, watch)
  const registry = createRegistry('indexer', options.version)
  const metrics = registerMetrics(registry, indexerMetrics(state.readings, all))
  watchPool(options.pool, metrics)
  const recent = new RecentDids({ max: RECENT_ACCOUNTS, ttlMs: 3_600_000 })
  const services = [
    ...streams.map((stream) => eventLoop(options, stream, { metrics, state, recent })),
    ...labelStreams.map((stream) => labelLoop(options, stream, { metrics, state })),
    ...identityWorker(options, metrics),
  ]
  const service: Service = {
    name: 'indexer',
    run: async (signal) => {
      await Promise.all(all.map((stream) => options.log.ensureGroup(stream, options.group)))
      await runServices(services, signal)
      state.stopped()
    },
  }
  return { service, registry, status: state.source(registry) }
}

const watchStreams = (
  { log, group }: IndexerOptions,
  streams: readonly string[],
  onLost: (stream: string, entries: number) => void,
): StreamWatch =>
  new StreamWatch({
    log,
    streams: streams.map((stream) => ({ stream, group, deadLetterStream: deadLetterStream(stream) })),
    onLost,
  })

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
