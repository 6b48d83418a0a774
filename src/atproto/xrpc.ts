/**
 * XRPC queries over HTTP. Owns how a server's answer becomes a value or an error by reaction: TransientError (try again, with
 * the time the server named), XrpcError (the server refused: trying again will not help). Refuses to know any method.
 */
import { TransientError } from '../lib/errors.ts'
import { TooLargeError, httpGet, httpStream, type HttpOptions, type HttpStream } from './http.ts'

export type XrpcOptions = Pick<HttpOptions, 'timeoutMs' | 'maxBytes' | 'signal' | 'fetch'>

export type XrpcParams = Readonly<Record<string, string | number | boolean | undefined>>

/** The server refused. `error` is the method's error name (`RepoNotFound`), or null when the body named none. */
export class XrpcError extends Error {
  override readonly name = 'XrpcError'
  readonly status: number
  readonly error: string | null

  constructor(status: number, error: string | null, message: string) {
    super(message)
    this.status = status
    this.error = error
  }
}

export type XrpcOutput = Readonly<Record<string, unknown>>

/**
 * The JSON object that a query answers. Rejects with TransientError (network, timeout, 429, 5xx, or something that is not
 * JSON where JSON was promised), XrpcError (other statuses, too large), or the signal's reason.
 */
export const xrpcGet = async (
  base: string,
  nsid: string,
  params: XrpcParams,
  options: XrpcOptions,
): Promise<XrpcOutput> => {
  const url = xrpcUrl(base, nsid, params)
  const response = await refuseLarge(() => httpGet(url, { ...options, accept: 'application/json' }))
  if (response.status !== 200) throw toError(url, response)
  const output = parseObject(response.bytes)
  if (output === null) throw new TransientError(`${describe(url)} answered 200 without a JSON object`)
  return output
}

/**
 * The body of a query that answers bytes, as it arrives; the same rejections, also while it is read (a body beyond
 * `maxBytes` ends in XrpcError). Read it to its end or leave the loop: either frees the connection.
 */
export const xrpcGetStream = async (
  base: string,
  nsid: string,
  params: XrpcParams,
  options: XrpcOptions,
): Promise<AsyncIterable<Uint8Array>> => {
  const url = xrpcUrl(base, nsid, params)
  const response = await httpStream(url, options)
  if (response.status !== 200) throw toError(url, { ...response, bytes: await firstBytes(response) })
  if (response.headers.get('content-type')?.startsWith('text/html')) {
    await response.body.return()
    throw new TransientError(`${describe(url)} answered 200 with an HTML page`)
  }
  return refusingLarge(response.body)
}

/** The whole body of a query that answers bytes; rejections as `xrpcGetStream`. */
export const xrpcGetBytes = async (
  base: string,
  nsid: string,
  params: XrpcParams,
  options: XrpcOptions,
): Promise<Buffer> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of await xrpcGetStream(base, nsid, params, options)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

export const xrpcUrl = (base: string, nsid: string, params: XrpcParams): string => {
  const url = new URL(`/xrpc/${nsid}`, base)
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined) url.searchParams.set(name, String(value))
  }
  return url.href
}

const ERROR_BODY_BYTES = 16 * 1024

/** The start of an error's body: enough for a name and a sentence. */
const firstBytes = async ({ body }: HttpStream): Promise<Buffer> => {
  const chunks: Uint8Array[] = []
  let total = 0
  for await (const chunk of body) {
    chunks.push(chunk)
    total += chunk.length
    if (total >= ERROR_BODY_BYTES) break
  }
  return Buffer.concat(chunks)
}

type Answer = { readonly status: number; readonly headers: Headers; readonly bytes: Buffer }

const toError = (url: string, { status, headers, bytes }: Answer): TransientError | XrpcError => {
  const body = parseObject(bytes)
  const error = typeof body?.['error'] === 'string' ? body['error'] : null
  const said = typeof body?.['message'] === 'string' ? body['message'].slice(0, 300) : ''
  const message = [`${describe(url)} answered ${status}`, error, said].filter(Boolean).join(': ')
  if (!isTransient(status)) return new XrpcError(status, error, message)
  const wait = retryAfterMs(headers, Date.now())
  return new TransientError(message, wait === null ? {} : { retryAfterMs: wait })
}

const isTransient = (status: number): boolean =>
  status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501)

/** Milliseconds from `now` that the server asks us to wait: `Retry-After` (seconds or date), `RateLimit-Reset` (epoch seconds). */
export const retryAfterMs = (headers: Headers, now: number): number | null => {
  const after = headers.get('retry-after')
  if (after !== null) {
    const ms = /^\d+$/.test(after) ? Number(after) * 1000 : Date.parse(after) - now
    if (Number.isFinite(ms)) return Math.max(0, ms)
  }
  const reset = headers.get('ratelimit-reset') ?? ''
  return /^\d{1,11}$/.test(reset) ? Math.max(0, Number(reset) * 1000 - now) : null
}

const parseObject = (bytes: Buffer): XrpcOutput | null => {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as XrpcOutput) : null
  } catch {
    return null
  }
}

const refuseLarge = async <T>(read: () => Promise<T>): Promise<T> => {
  try {
    return await read()
  } catch (error) {
    throw asXrpcError(error)
  }
}

async function* refusingLarge(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* body
  } catch (error) {
    throw asXrpcError(error)
  }
}

const asXrpcError = (error: unknown): unknown =>
  error instanceof TooLargeError ? new XrpcError(200, 'ResponseTooLarge', error.message) : error

const describe = (url: string): string => {
  const { host, pathname } = new URL(url)
  return `${host}${pathname}`
}
