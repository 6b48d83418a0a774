/**
 * The metrics port of one service: /metrics for Prometheus, /healthz and /readyz for whoever supervises, /status for tools,
 * and a page for people. Guarantees that it listens on exactly the port it was given or not at all, that a source that fails
 * or hangs costs its own answer only, and that reading never changes anything. Refuses to know what a service does.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Registry } from '@prometheus-io/client'
import { EXIT, SetupError } from '../lib/errors.ts'
import { type Logger, silentLogger } from '../lib/logger.ts'
import { type Answer, createRoutes, json, text } from './routes.ts'
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

const CLOSE_GRACE_MS = 1_000
/** A console, a Prometheus and a few probes need a dozen; more is somebody else's mistake. */
const MAX_CONNECTIONS = 256

/** Listens and resolves; throws SetupError(cannotCreate) when the address cannot be had. */
export const serveMonitoring = async (options: MonitoringOptions): Promise<MonitoringServer> => {
  const logger = options.logger ?? silentLogger
  const routes = createRoutes({ ...options, sources: options.sources ?? [options.source], logger })
  const server = createServer((request, response) => void respond(routes, logger, request, response))
  server.maxConnections = MAX_CONNECTIONS
  await listen(server, options)
  let closed: Promise<void> | undefined
  return {
    port: (server.address() as AddressInfo).port,
    close: () => (closed ??= close(server)),
  }
}

type Routes = ReturnType<typeof createRoutes>

const respond = async (
  routes: Routes,
  logger: Logger,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  try {
    send(request, response, await answer(routes, request))
  } catch (error) {
    logger.warn({ err: error, path: request.url }, 'a monitoring request failed')
    response.destroy()
  }
}

const answer = async (routes: Routes, request: IncomingMessage): Promise<Answer> => {
  const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
  const route = Object.hasOwn(routes, path) ? routes[path] : undefined
  if (route === undefined)
    return json(404, { error: `nothing at ${path.slice(0, 100)}`, paths: Object.keys(routes) })
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return { ...text(405, 'This port only tells: use GET.'), headers: { allow: 'GET, HEAD' } }
  }
  return await route()
}

const send = (request: IncomingMessage, response: ServerResponse, made: Answer): void => {
  response.writeHead(made.status, {
    'content-type': made.type,
    'content-length': Buffer.byteLength(made.body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...made.headers,
  })
  response.end(request.method === 'HEAD' ? undefined : made.body)
}

const listen = (server: Server, { port, host, portSetting }: MonitoringOptions): Promise<void> =>
  new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => reject(cannotListen(error, { port, host, portSetting }))
    server.once('error', failed)
    server.listen(port, host, () => {
      server.off('error', failed)
      resolve()
    })
  })

type Address = { readonly port: number; readonly host: string; readonly portSetting: string | undefined }

const cannotListen = (error: NodeJS.ErrnoException, { port, host, portSetting }: Address): SetupError => {
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
  const [what, remedy] = reasons[error.code ?? ''] ?? [
    'cannot be opened',
    `Choose another address with ${setting}.`,
  ]
  const message = `The metrics address ${address} ${what}.`
  return new SetupError(message, { remedy, exitCode: EXIT.cannotCreate, cause: error })
}

const close = async (server: Server): Promise<void> => {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const timer = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS)
  await closed
  clearTimeout(timer)
}
