/**
 * The ingester: relays and labelers into the streams. Owns the composition of its parts, their start and their stop; each part
 * and host is one loop of its own, and a part without hosts is simply not there. Writes streams only, knows no database.
 */
import type { Registry } from '@prometheus-io/client'
import type { Service } from '../lib/service.ts'
import { registerMetrics } from '../monitoring/metrics.ts'
import { createRegistry } from '../monitoring/registry.ts'
import { ProblemList, type StatusSource } from '../monitoring/status.ts'
import { storeMetrics } from '../monitoring/stream-metrics.ts'
import { StreamWatch } from '../stream/watch.ts'
import { openLedgers, type InHand, type Ledgers } from './conservation.ts'
import { runFirehose } from './firehose.ts'
import { runLabels } from './labels.ts'
import { createLevels } from './levels.ts'
import { ingesterMetrics } from './metrics.ts'
import { ALL_PARTS, type Part } from './metric-words.ts'
import { hostsOf, settingsOf, type IngesterOptions, type Settings } from './options.ts'
import { Output, type Life } from './output.ts'
import { readingsOf } from './readings.ts'
import { RecentCommits } from './recent.ts'
import { runRepos } from './repos.ts'
import type { Room } from './room.ts'
import { statusSource } from './report.ts'
import { Upstream } from './upstream.ts'

export type { IngesterOptions } from './options.ts'

export type Ingester = {
  readonly service: Service
  readonly registry: Registry
  readonly status: StatusSource
  /** What its conservation metrics are read from. */
  readonly ledgers: Ledgers
}

const RUN: Readonly<Record<Part, (upstream: Upstream, room: Room, life: Life) => Promise<void>>> = {
  firehose: runFirehose,
  repos: runRepos,
  labels: runLabels,
}

export const createIngester = (options: IngesterOptions): Ingester => {
  const settings = settingsOf(options)
  const upstreams = openUpstreams(settings)
  const inHand: InHand = { firehose: new Set(), labels: new Set(), repos: new Set() }
  const ledgers = openLedgers(inHand)
  const registry = createRegistry('ingester', options.version)
  const levels = createLevels(settings)
  const readings = readingsOf({ levels, upstreams, inHand, ledgers })
  const metrics = registerMetrics(
    registry,
    ingesterMetrics(
      readings,
      upstreams.map(({ host }) => host),
    ),
  )
  if (options.storeRecovered === true) metrics.storageRecoveries.inc()
  levels.tell(metrics)
  const { log, logger, storeRetry } = settings
  const watch = new StreamWatch({ log, streams: [], onLost: () => undefined })
  registerMetrics(registry, storeMetrics(watch.store))
  const output = new Output({ log, logger, metrics, levels: levels.output, retry: storeRetry })
  const severalRelays = hostsOf('firehose', settings).length > 1
  const room: Room = {
    settings,
    logger,
    metrics,
    output,
    problems: new ProblemList(),
    recent: severalRelays ? new RecentCommits(settings.recentCommits) : null,
    upstreams,
    inHand,
    ledgers,
  }
  const life = { running: false }
  return {
    registry,
    ledgers,
    status: statusSource({ room, levels, registry, life }),
    service: { name: 'ingester', run: (signal) => run(room, life, signal) },
  }
}

const openUpstreams = (settings: Settings): Upstream[] =>
  ALL_PARTS.flatMap((part) => hostsOf(part, settings).map((host) => new Upstream(part, host)))

/** One part that fails stops the others, which drain; its error is thrown. A stop gives them all the same deadline. */
const run = async (room: Room, life: { running: boolean }, signal: AbortSignal): Promise<void> => {
  const { upstreams, settings, logger } = room
  if (upstreams.length === 0) logger.warn('no upstream is configured: the ingester has nothing to do')
  const halt = new AbortController()
  const stop = AbortSignal.any([signal, halt.signal])
  const deadline = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const onStop = () => (timer = setTimeout(() => deadline.abort(), settings.stopDeadlineMs))
  if (stop.aborted) onStop()
  else stop.addEventListener('abort', onStop, { once: true })
  life.running = true
  const failures: unknown[] = []
  const parts = upstreams.map(async (upstream) => {
    upstream.running = true
    try {
      await RUN[upstream.kind](upstream, room, { stop, deadline: deadline.signal })
    } catch (error) {
      failures.push(error)
      halt.abort()
    } finally {
      upstream.running = false
    }
  })
  await Promise.all([...parts, untilAborted(stop)])
  life.running = false
  clearTimeout(timer)
  if (failures.length === 1) throw failures[0]
  if (failures.length > 1) throw new AggregateError(failures, 'several parts of the ingester failed')
}

/** An ingester without upstreams idles: it ends when it is told to, like any other. */
const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
