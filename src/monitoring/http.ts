/**
 * The metrics port of one service: /metrics for Prometheus, /healthz and /readyz for whoever supervises, /status for tools,
 * and a page for people. Guarantees that it listens on exactly the port it was given or not at all, that a source that fails
 * or hangs costs its own answer only, and that reading never changes anything. The port is held by a thread of its own
 * (front.ts), which is handed figures to tell while this thread is busy. Refuses to know what a service does.
 */
import type { Registry } from '@prometheus-io/client'
import { EXIT, SetupError } from '../lib/errors.ts'
import { type Logger, silentLogger } from '../lib/logger.ts'
import { type Answer, METRICS, type Question, type Told } from './front-messages.ts'
import { openPort, PortFailure } from './front-thread.ts'
import { createRoutes, json, text } from './routes.ts'
import type { StatusSource } from './status.ts'

export type MonitoringOptions = {
  /** 0 takes any free port. */
  readonly port: number
  readonly host: string
  readonly registry: Registry
  /** The service this port belongs to. */
  readonly source: StatusSource
  /** Every service of this process, in the order the console shows them; `source` alone when absent. */
  readonly sources?: readonly StatusSource[]
  /** How an operator changes the port, e.g. `--ingester-metrics-port (INGESTER_METRICS_PORT)`. */
  readonly portSetting?: string
  /** Aborted once the process is stopping: from then on /readyz and /_health answer 503. */
  readonly stopping?: AbortSignal
  readonly logger?: Logger
}

export type MonitoringServer = {
  readonly port: number
  /** Stops listening, lets running answers end for a second, then closes what is left. Repeatable. */
  close(): Promise<void>
}

/** Figures are handed over this often, for as long after a scrape as the next may take to come. */
const HAND_OVER_EVERY_MS = 2_000
const SCRAPED_WITHIN_MS = 120_000

/** Listens and resolves; throws SetupError(cannotCreate) when the address cannot be had. */
export const serveMonitoring = async (options: MonitoringOptions): Promise<MonitoringServer> => {
  const logger = options.logger ?? silentLogger
  const routes = createRoutes({ ...options, sources: options.sources ?? [options.source], logger })
  const { port, host } = options
  let scrapedAt = -Infinity

  const read = async (method: string, path: string): Promise<Told> => {
    const readAt = Date.now()
    try {
      const made = await answer(routes, method, path)
      return { answer: made, ...(path === METRICS && made.status === 200 && { readAt }) }
    } catch (error) {
      logger.warn({ err: error, path }, 'a monitoring request failed')
      return { answer: null }
    }
  }
  const ask = ({ method, path }: Question): Promise<Told> => {
    if (path === METRICS) scrapedAt = performance.now()
    return read(method, path)
  }
  const opened = await openPort({ port, host }, ask).catch((error: unknown) => {
    throw error instanceof PortFailure ? cannotListen(error, options) : error
  })
  const handOver = every(HAND_OVER_EVERY_MS, async () => {
    if (performance.now() - scrapedAt < SCRAPED_WITHIN_MS) opened.tell(await read('GET', METRICS))
  })
  const close = async (): Promise<void> => {
    clearInterval(handOver)
    await opened.close()
  }
  let closed: Promise<void> | undefined
  return { port: opened.port, close: () => (closed ??= close()) }
}

/** Runs `work` every `ms`, but never twice at once. */
const every = (ms: number, work: () => Promise<void>): NodeJS.Timeout => {
  let isRunning = false
  return setInterval(() => {
    if (isRunning) return
    isRunning = true
    void work().finally(() => (isRunning = false))
  }, ms).unref()
}

type Routes = ReturnType<typeof createRoutes>

const answer = async (routes: Routes, method: string, path: string): Promise<Answer> => {
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined
  if (route === undefined)
    return json(404, { error: `nothing at ${path.slice(0, 100)}`, paths: Object.keys(routes) })
  if (method !== 'GET' && method !== 'HEAD') {
    return { ...text(405, 'This port only tells: use GET.'), headers: { allow: 'GET, HEAD' } }
  }
  return await route()
}

const cannotListen = (failure: PortFailure, { port, host, portSetting }: MonitoringOptions): SetupError => {
  const address = `${host.includes(':') ? `[${host}]` : host}:${port}`
  const setting = portSetting ?? 'the metrics port'
  const reasons: Readonly<Record<string, [what: string, remedy: string]>> = {
    EADDRINUSE: ['is already taken', `Stop what listens there, or choose another port with ${setting}.`],
    EACCES: ['may not be opened by this user', `Choose a port above 1023 with ${setting}.`],
    EADDRNOTAVAIL: [
      'is not an address of this machine',
      'Choose 127.0.0.1, 0.0.0.0 or an address of this machine.',
    ],
    ENOTFOUND: ['cannot be resolved', 'Choose 127.0.0.1, 0.0.0.0 or an address of this machine.'],
  }
  const [what, remedy] = reasons[failure.code ?? ''] ?? [
    'cannot be opened',
    `Choose another address with ${setting}.`,
  ]
  const message = `The metrics address ${address} ${what}.`
  return new SetupError(message, { remedy, exitCode: EXIT.cannotCreate, cause: failure })
}
