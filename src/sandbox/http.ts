/**
 * Hosts of the network: HTTP servers on loopback with a table of paths. Owns listening, JSON and errors in XRPC form, and
 * closing with every connection.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { EXIT, SetupError } from '../lib/errors.ts'

export type Exchange = {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly url: URL
  readonly query: URLSearchParams
}

/** Answers or throws `XrpcFailure`. A returned value is sent as JSON; undefined means that it has answered itself. */
export type Handler = (exchange: Exchange) => unknown

/** Looked up by exact path; `fallback` sees the rest. */
export type Routes = { readonly [path: string]: Handler }

/** May answer in place of the routes (a fault); true means it has. */
export type Interceptor = (exchange: Exchange) => boolean

export class XrpcFailure extends Error {
  readonly status: number
  readonly error: string

  constructor(status: number, error: string, message: string) {
    super(message)
    this.status = status
    this.error = error
  }
}

export const notFound = (): XrpcFailure =>
  new XrpcFailure(404, 'NotFound', 'there is nothing under this path')

export const sendJson = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' })
  response.end(JSON.stringify(body))
}

/** Sends pieces as fast as the reader takes them. They must all exist beforehand: nothing may change under way. */
export const sendPieces = async (
  response: ServerResponse,
  pieces: readonly (string | Uint8Array)[],
): Promise<void> => {
  await pipeline(Readable.from(pieces, { objectMode: true }), response).catch(() => {
    // The reader has gone: nobody is left to be told.
  })
}

const fail = (response: ServerResponse, error: unknown): void => {
  if (response.headersSent) return void response.destroy()
  if (error instanceof XrpcFailure)
    return sendJson(response, error.status, { error: error.error, message: error.message })
  sendJson(response, 500, { error: 'InternalServerError', message: String(error) })
}

export class Host {
  readonly #server: Server
  #routes: Routes = {}
  #fallback: Handler = () => {
    throw notFound()
  }
  #intercept: Interceptor = () => false

  private constructor(server: Server) {
    this.#server = server
    server.on('request', (request, response) => void this.#answer(request, response))
  }

  /** Listens on `port`, or any free one when it is 0. */
  static async open(options: { host: string; port: number }): Promise<Host> {
    const server = createServer({ keepAliveTimeout: 5_000 })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(options.port, options.host, resolve)
    }).catch((cause: unknown) => {
      throw new SetupError(`the sandbox cannot listen on ${options.host}:${options.port}`, {
        remedy: 'choose another --port, or none to use free ones',
        exitCode: EXIT.cannotCreate,
        cause,
      })
    })
    return new Host(server)
  }

  get server(): Server {
    return this.#server
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get url(): string {
    const { address, port } = this.#server.address() as AddressInfo
    return `http://${address}:${port}`
  }

  serve(routes: Routes, fallback?: Handler): void {
    this.#routes = { ...this.#routes, ...routes }
    if (fallback !== undefined) this.#fallback = fallback
  }

  intercept(interceptor: Interceptor): void {
    this.#intercept = interceptor
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    this.#server.closeAllConnections()
    await closed
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://sandbox')
    const exchange = { request, response, url, query: url.searchParams }
    try {
      if (this.#intercept(exchange)) return
      const handler = this.#routes[url.pathname] ?? this.#fallback
      const body = await handler(exchange)
      if (body !== undefined) sendJson(response, 200, body)
    } catch (error) {
      fail(response, error)
    }
  }
}

/** A required query parameter. */
export const required = (query: URLSearchParams, name: string): string => {
  const value = query.get(name)
  if (value === null || value === '')
    throw new XrpcFailure(400, 'InvalidRequest', `the parameter ${name} is missing`)
  return value
}

/** A page of `items` by numeric cursor, as listRepos and its like give it. */
export const page = <T>(
  items: readonly T[],
  query: URLSearchParams,
  fallbackLimit: number,
): { items: readonly T[]; cursor?: string } => {
  const limit = Math.min(1_000, Math.max(1, Number(query.get('limit') ?? fallbackLimit) || fallbackLimit))
  const start = Math.max(0, Number(query.get('cursor') ?? 0) || 0)
  const end = start + limit
  return { items: items.slice(start, end), ...(end < items.length ? { cursor: String(end) } : {}) }
}
