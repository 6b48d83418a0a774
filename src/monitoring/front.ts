/**
 * The thread that holds the metrics ports: a scrape must not wait until the service has done what it is just doing. Guarantees
 * Prometheus is answered at once, with figures that say how old they are and are never older than MAX_AGE_MS; everybody and everything
 * else, and Prometheus where there are none that young, waits for the service's own thread. Refuses to know what a path means.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parentPort } from 'node:worker_threads'
import {
  type Address,
  type Answer,
  FIGURES_AGE,
  type FromFront,
  METRICS,
  type Told,
  type ToFront,
} from './front-messages.ts'

/** So long the service has to read its figures for this scrape; an idle one takes a few milliseconds. */
const PATIENCE_MS = 5
/** Older figures are not told: of a service that is stuck for longer Prometheus shall say that it is down. */
const MAX_AGE_MS = 10_000
/** A console, a Prometheus and a few probes need a dozen; more is somebody else's mistake. */
const MAX_CONNECTIONS = 256
const CLOSE_GRACE_MS = 1_000

type Figures = { readonly answer: Answer; readonly readAt: number }

const ageMs = ({ readAt }: Figures): number => Math.max(0, Date.now() - readAt)

const AGE_LINE = new RegExp(`^${FIGURES_AGE} .*$`, 'm')

/** With their age in the place that the service has left for it. */
const dated = (figures: Figures): Answer => ({
  ...figures.answer,
  body: figures.answer.body.replace(AGE_LINE, `${FIGURES_AGE} ${ageMs(figures) / 1_000}`),
})

type Say = (message: FromFront) => void
type Serving = { hear(id: number | null, told: Told): void; close(): void }

const serve = (server: number, { port, host }: Address, say: Say): Serving => {
  const waiting = new Map<number, (answer: Answer | null) => void>()
  let figures: Figures | null = null
  let questions = 0

  /** Resolves with null as well when whoever asked has gone. */
  const ask = (method: string, path: string, response: ServerResponse): Promise<Answer | null> => {
    const id = questions++
    return new Promise<Answer | null>((resolve) => {
      waiting.set(id, resolve)
      response.once('close', () => resolve(null))
      say({ server, kind: 'question', question: { id, method, path } })
    }).finally(() => waiting.delete(id))
  }

  const figuresFor = async (response: ServerResponse): Promise<Answer | null> => {
    const asked = ask('GET', METRICS, response)
    const isAnswered = await within(asked, PATIENCE_MS)
    const isYoung = figures !== null && ageMs(figures) < MAX_AGE_MS
    if ((isAnswered || !isYoung) && (await asked) === null) return null
    return figures && dated(figures)
  }

  const http = createServer((request, response) => {
    const { method = '', path } = lineOf(request)
    void (isScrape(request, path) ? figuresFor(response) : ask(method, path, response)).then((answer) =>
      answer === null ? response.destroy() : send(response, answer, method),
    )
  })
  http.maxConnections = MAX_CONNECTIONS
  const failed = ({ code }: NodeJS.ErrnoException) => say({ server, kind: 'failed', code })
  http.once('error', failed)
  http.listen(port, host, () => {
    http.off('error', failed)
    say({ server, kind: 'listening', port: (http.address() as AddressInfo).port })
  })

  return {
    hear: (id, { answer, readAt }) => {
      if (answer !== null && readAt !== undefined) figures = { answer, readAt }
      if (id !== null) waiting.get(id)?.(answer)
    },
    close: () => {
      const grace = setTimeout(() => http.closeAllConnections(), CLOSE_GRACE_MS)
      http.close(() => {
        clearTimeout(grace)
        say({ server, kind: 'closed' })
      })
      http.closeIdleConnections()
    },
  }
}

/** Prometheus says how long it waits. Whoever else asks, asks after what has just happened. */
const isScrape = ({ method, headers }: IncomingMessage, path: string): boolean =>
  path === METRICS && method === 'GET' && headers['x-prometheus-scrape-timeout-seconds'] !== undefined

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

const services = parentPort
const serving = new Map<number, Serving>()

services?.on('message', (message: ToFront) => {
  const { server } = message
  if (message.kind === 'listen') {
    serving.set(
      server,
      serve(server, message.address, (said) => services.postMessage(said)),
    )
  } else if (message.kind === 'told') serving.get(server)?.hear(message.id, message.told)
  else {
    serving.get(server)?.close()
    serving.delete(server)
  }
})
