/**
 * The thread that holds the metrics port: a scrape must not wait until the service has done what it is just doing. Guarantees
 * that /metrics is answered at once, with figures that say how old they are and are never older than MAX_AGE_MS; every other path, and
 * figures where there are none that young, is asked of the service's own thread. Refuses to know what a path means.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import {
  type Address,
  type Answer,
  FIGURES_AGE,
  type FromFront,
  METRICS,
  type ToFront,
} from './front-messages.ts'

/** So long the service has to answer by itself; an idle one takes a few milliseconds. */
const PATIENCE_MS = 10
/** Older figures are not told: of a service that is stuck for longer Prometheus shall say that it is down. */
const MAX_AGE_MS = 10_000
/** A console, a Prometheus and a few probes need a dozen; more is somebody else's mistake. */
const MAX_CONNECTIONS = 256
const CLOSE_GRACE_MS = 1_000

type Figures = { readonly answer: Answer; readonly readAt: number }

const ageMs = ({ readAt }: Figures): number => Math.max(0, Date.now() - readAt)

const AGE_LINE = new RegExp(`^${FIGURES_AGE} .*$`, 'm')

/** With their age in the place that the service has left for it. */
const told = (figures: Figures): Answer => ({
  ...figures.answer,
  body: figures.answer.body.replace(AGE_LINE, `${FIGURES_AGE} ${ageMs(figures) / 1_000}`),
})

const serve = (service: NonNullable<typeof parentPort>, { port, host }: Address): void => {
  const say = (message: FromFront) => service.postMessage(message)
  const waiting = new Map<number, (answer: Answer | null) => void>()
  let figures: Figures | null = null
  let questions = 0

  /** Resolves with null as well when whoever asked has gone. */
  const ask = (method: string, path: string, response: ServerResponse): Promise<Answer | null> => {
    const id = questions++
    return new Promise<Answer | null>((resolve) => {
      waiting.set(id, resolve)
      response.once('close', () => resolve(null))
      say({ kind: 'question', id, method, path })
    }).finally(() => waiting.delete(id))
  }

  const metrics = async (method: string, response: ServerResponse): Promise<Answer | null> => {
    const asked = ask(method, METRICS, response)
    const isAnswered = await within(asked, PATIENCE_MS)
    const isYoung = figures !== null && ageMs(figures) < MAX_AGE_MS
    if ((isAnswered || !isYoung) && (await asked) === null) return null
    return figures && told(figures)
  }

  const server = createServer((request, response) => {
    const { method = '', path } = lineOf(request)
    const isScrape = path === METRICS && (method === 'GET' || method === 'HEAD')
    void (isScrape ? metrics(method, response) : ask(method, path, response)).then((answer) =>
      answer === null ? response.destroy() : send(response, answer, method),
    )
  })
  server.maxConnections = MAX_CONNECTIONS
  const failed = ({ code }: NodeJS.ErrnoException) => say({ kind: 'failed', code })
  server.once('error', failed)
  server.listen(port, host, () => {
    server.off('error', failed)
    say({ kind: 'listening', port: (server.address() as AddressInfo).port })
  })

  service.on('message', (message: ToFront) => {
    if (message.kind === 'close') return close()
    const { id, answer, readAt } = message
    if (answer !== null && readAt !== undefined) figures = { answer, readAt }
    if (id !== null) waiting.get(id)?.(answer)
  })

  const close = (): void => {
    const grace = setTimeout(() => server.closeAllConnections(), CLOSE_GRACE_MS)
    server.close(() => {
      clearTimeout(grace)
      service.close()
    })
    server.closeIdleConnections()
  }
}

const lineOf = ({ method, url = '/' }: IncomingMessage) => ({ method, path: url.split('?', 1)[0] ?? '/' })

const within = async (work: Promise<unknown>, timeoutMs: number): Promise<boolean> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), timeoutMs)))
  return Promise.race([work.then(() => true), late]).finally(() => clearTimeout(timer))
}

const send = (response: ServerResponse, { status, type, body, headers }: Answer, method: string): void => {
  response.writeHead(status, {
    'content-type': type,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...headers,
  })
  response.end(method === 'HEAD' ? undefined : body)
}

if (parentPort) serve(parentPort, workerData as Address)
