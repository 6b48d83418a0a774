/**
 * The registry of one service: what every service tells about its process, before it declares metrics of its own. Guarantees
 * that every series below exists from boot, and that a metric whose reading fails costs that metric only, counted, never the
 * scrape. Refuses to know what a service does.
 */
import { collectDefaultMetrics, Histogram, Registry } from '@prometheus-io/client'
import { longestDelaySeconds } from './event-loop.ts'
import { FIGURES_AGE } from './front-messages.ts'
import { type MetricHandles, type MetricSpec, registerMetrics } from './metrics.ts'
import type { ServiceName } from './status.ts'

/** Beyond this a scrape goes on without the metric: Prometheus gives up at 10 s by default, and others sooner. */
const COLLECT_TIMEOUT_MS = 1_000

const GC_KINDS = ['major', 'minor', 'incremental', 'weakcb'] as const

/** Client defaults whose names break Prometheus' naming rules (`promtool check metrics`) and say nothing the others do not. */
const UNWANTED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
  'nodejs_eventloop_utilization_histogram',
  'nodejs_eventloop_utilization_summary',
] as const

/** Told by ourselves, over a window that does not depend on who asks when. */
const OWN = 'nodejs_eventloop_lag_max_seconds'

/** Declarations common to all services. `build_info` has one series per process, always 1. */
export const commonMetrics = (service: ServiceName, version: string, commit: string) =>
  ({
    buildInfo: {
      name: 'build_info',
      type: 'gauge',
      help: 'Always 1; its labels say which build of which service answers.',
      cause: 'set once at start',
      labels: { service: [service], version: [version], commit: [commit] },
    },
    collectErrors: {
      name: 'monitoring_collect_errors_total',
      type: 'counter',
      help: 'Metrics left out of a scrape because reading their value failed or took longer than a second.',
      cause: 'a store that does not answer while /metrics is read',
    },
    ready: {
      name: 'service_ready',
      type: 'gauge',
      help: '1 when /readyz says that the service can work, 0 when it says why not.',
      cause: 'a store or upstream that is away, a start that is not finished, a stop',
    },
    series: {
      name: 'monitoring_series',
      type: 'gauge',
      help: 'Series that were read the time before.',
      cause: 'a first scrape; it stays the same for the life of the process, because all labels are closed',
    },
    figuresAge: {
      name: FIGURES_AGE,
      type: 'gauge',
      help: 'Age of the figures of this scrape: some milliseconds, or up to 10 s where the service was too busy to read them anew.',
      cause: 'work that keeps the event loop of the service for longer than 5 ms while it is scraped',
    },
    longestDelay: {
      name: OWN,
      type: 'gauge',
      help: 'Longest time in the last 15 s for which the event loop did nothing new: sockets and timers waited as long.',
      cause: 'a long piece of work, or a machine or an operator that stops the process',
      collect: longestDelaySeconds,
    },
    scrapeSeconds: {
      name: 'monitoring_scrape_seconds',
      type: 'histogram',
      help: 'Time to read all metrics once, waiting for the stores included.',
      cause: 'a scrape, and every 2 s for two minutes after one',
      buckets: [0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.5],
    },
  }) as const satisfies Record<string, MetricSpec>

type Common = MetricHandles<ReturnType<typeof commonMetrics>>
const commonOf = new WeakMap<Registry, Common>()

/**
 * A registry with the process and Node defaults and the common metrics. `version` is that of the package, with the commit of
 * the source as build metadata when it is known: `0.1.0+832a802`.
 */
export const createRegistry = (service: ServiceName, build: string): Registry => {
  const [version = '', commit = 'unknown'] = build.split('+')
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  for (const name of [...UNWANTED, OWN]) registry.removeSingleMetric(name)
  const gc = registry.getSingleMetric<'kind'>('nodejs_gc_duration_seconds')
  if (gc instanceof Histogram) for (const kind of GC_KINDS) gc.zero({ kind })
  const common = registerMetrics(registry, commonMetrics(service, version, commit))
  common.buildInfo.set({ service, version, commit }, 1)
  commonOf.set(registry, common)
  return registry
}

export type Scrape = {
  /** Prometheus text format 0.0.4. */
  readonly text: string
  /** Metrics that could not be read, with the error of each. They are absent from `text`, never stale in it. */
  readonly failures: readonly { readonly name: string; readonly error: unknown }[]
}

/** Reads every metric of `registry`, side by side, each within `timeoutMs`. Never rejects. */
export const scrape = async (registry: Registry, timeoutMs = COLLECT_TIMEOUT_MS): Promise<Scrape> => {
  const own = commonOf.get(registry)
  const startedMs = performance.now()
  const failures: { name: string; error: unknown }[] = []
  const late = lateOf(registry)
  const readers = registry.getMetricsAsArray().map(async ({ name }) => {
    try {
      if (late.has(name)) throw new Error('the reading of an earlier scrape has not come yet')
      const reading = registry.getSingleMetricAsString(name)
      return await within(timeoutMs, reading, () => lateUntil(late, name, reading))
    } catch (error) {
      failures.push({ name, error })
      own?.collectErrors.inc()
      return undefined
    }
  })
  const parts = await Promise.all(readers)
  const text = `${parts.filter((part) => part !== undefined).join('\n\n')}\n`
  own?.series.set(countSeries(text))
  own?.scrapeSeconds.observe((performance.now() - startedMs) / 1_000)
  return { text, failures }
}

/** Sets `service_ready` for the scrape that follows. */
export const tellReady = (registry: Registry, ready: boolean): void =>
  commonOf.get(registry)?.ready.set(ready ? 1 : 0)

const countSeries = (text: string): number => text.match(/^[a-z]/gm)?.length ?? 0

/** Metrics whose reading is still awaited. They are not asked for again meanwhile: a store that is away delays one scrape, not all. */
const lateReadings = new WeakMap<Registry, Set<string>>()
const lateOf = (registry: Registry): Set<string> => {
  const names = lateReadings.get(registry) ?? new Set()
  lateReadings.set(registry, names)
  return names
}

const lateUntil = (names: Set<string>, name: string, reading: Promise<unknown>): void => {
  names.add(name)
  const came = () => void names.delete(name)
  reading.then(came, came)
}

const within = async <T>(timeoutMs: number, work: Promise<T>, onLate: () => void): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      onLate()
      reject(new Error(`no value within ${timeoutMs} ms`))
    }, timeoutMs)
  })
  try {
    return await Promise.race([work, timeout])
  } finally {
    clearTimeout(timer)
  }
}
