/**
 * What the metrics port answers, path by path. Every answer is a value; a source that throws or hangs becomes a sentence in
 * the answer that needed it. "Not known" is always an unhealthy answer, never a cheerful one.
 */
import { Gauge, type Registry } from '@prometheus-io/client'
import { describeError } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'
import { consolePage } from './console/page.ts'
import type { Answer } from './front-messages.ts'
import { scrape, tellReady } from './registry.ts'
import type { Health, ServiceStatus, ServiceView, StatusSource } from './status.ts'

type RouteOptions = {
  readonly registry: Registry
  readonly source: StatusSource
  readonly sources: readonly StatusSource[]
  readonly stopping?: AbortSignal
  readonly logger: Logger
}

const SOURCE_TIMEOUT_MS = 3_000
const STOPPING = 'The service is stopping.'

export const text = (status: number, body: string): Answer => ({
  status,
  type: 'text/plain; charset=utf-8',
  body: `${body}\n`,
})

export const json = (status: number, value: unknown): Answer => ({
  status,
  type: 'application/json; charset=utf-8',
  body: `${JSON.stringify(value)}\n`,
})

export const createRoutes = (options: RouteOptions): Readonly<Record<string, () => Promise<Answer>>> => ({
  '/': async () => consolePage(),
  '/metrics': () => metrics(options),
  '/healthz': async () => {
    const { live, reasons } = await readHealth(options.source)
    return json(live ? 200 : 503, { live, reasons })
  },
  '/readyz': async () => {
    const { ready, reasons } = orStopping(await readHealth(options.source), options.stopping)
    return json(ready ? 200 : 503, { ready, reasons })
  },
  '/status': async () => {
    const status = await readStatus(options.source)
    return status instanceof Error ? json(503, { error: describeError(status) }) : json(200, status)
  },
  '/status/all': async () => {
    const services = await Promise.all(options.sources.map((source) => readView(source, options.stopping)))
    return json(200, { at: new Date().toISOString(), services })
  },
  '/_health': () => wintermuteHealth(options),
})

const metrics = async ({ registry, logger, source, stopping }: RouteOptions): Promise<Answer> => {
  tellReady(registry, orStopping(await readHealth(source), stopping).ready)
  const { text: body, failures } = await scrape(registry)
  for (const { name, error } of failures)
    logger.warn({ metric: name, err: error }, 'a metric could not be read')
  return { status: 200, type: registry.contentType, body }
}

/** The value of `work`, or an Error when it throws or takes too long. */
const attempt = async <T>(work: () => Promise<T>): Promise<T | Error> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<Error>((resolve) => {
    timer = setTimeout(
      () => resolve(new Error(`no answer within ${SOURCE_TIMEOUT_MS} ms`)),
      SOURCE_TIMEOUT_MS,
    )
  })
  try {
    return await Promise.race([work(), late])
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  } finally {
    clearTimeout(timer)
  }
}

const readStatus = (source: StatusSource): Promise<ServiceStatus | Error> => attempt(() => source.status())

const readHealth = async (source: StatusSource): Promise<Health> => {
  const health = await attempt(() => source.health())
  if (!(health instanceof Error)) return health
  return { live: false, ready: false, reasons: [`Its health could not be read: ${describeError(health)}.`] }
}

const orStopping = (health: Health, stopping: AbortSignal | undefined): Health =>
  stopping?.aborted ? { ...health, ready: false, reasons: [STOPPING, ...health.reasons] } : health

const readView = async (source: StatusSource, stopping: AbortSignal | undefined): Promise<ServiceView> => {
  const [status, health] = await Promise.all([readStatus(source), readHealth(source)])
  const shown = orStopping(health, stopping)
  if (!(status instanceof Error)) return { status, health: shown }
  const reasons = [`Its status could not be read: ${describeError(status)}.`, ...shown.reasons]
  return { status: null, health: { ...shown, ready: false, reasons } }
}

/** The health answer that rsky-wintermute's deploy script reads; its fields, its null before the first event. */
const wintermuteHealth = async ({ registry, sources, stopping }: RouteOptions): Promise<Answer> => {
  if (stopping?.aborted) return json(503, { status: 'shutting_down' })
  const statuses = await Promise.all(sources.map(readStatus))
  const known = statuses.flatMap((status) => (status instanceof Error ? [] : [status]))
  const complete = known.length === statuses.length
  return json(complete ? 200 : 503, {
    status: complete ? 'ok' : 'unavailable',
    ingestLagSeconds: await ingestLagSeconds(registry),
    indexerQueueLength: queueLength(known.find((status) => status.service === 'indexer')),
  })
}

const ingestLagSeconds = async (registry: Registry): Promise<number | null> => {
  const gauge = registry.getSingleMetric('ingester_last_event_time_seconds')
  const values = gauge instanceof Gauge ? (await gauge.get()).values : []
  const seconds = Math.max(0, ...values.map(({ value }) => value))
  return seconds > 0 ? Math.max(0, Date.now() / 1000 - seconds) : null
}

/** Entries the indexer has not finished: undelivered and pending. Null when it cannot tell: unknown is never 0. */
const queueLength = (indexer: ServiceStatus | undefined): number | null => {
  if (indexer === undefined) return null
  const figures = indexer.streams
    .filter(({ group }) => group !== null)
    .flatMap(({ lag, pending }) => [lag, pending])
  return figures.reduce<number | null>(
    (sum, figure) => (sum === null || figure === null ? null : sum + figure),
    0,
  )
}
