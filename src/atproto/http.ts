/**
 * One HTTP GET, bounded: in time (until the headers, then between two chunks of the body), in bytes, and by the caller's
 * signal. Guarantees that a slow, endless or silent server ends in an error of a known kind. Refuses to interpret statuses.
 */
import { TransientError, describeError } from '../lib/errors.ts'

export type HttpOptions = {
  /** For the headers, and again for every pause in the body: a large answer may take long, a silent one may not. */
  readonly timeoutMs: number
  /** Of the decompressed body. */
  readonly maxBytes: number
  readonly signal?: AbortSignal | undefined
  readonly fetch?: typeof fetch | undefined
  readonly accept?: string | undefined
  /** `manual` (default) hands the 3xx answer to the caller: a redirect may not lead into somebody's inner network. */
  readonly redirect?: 'manual' | 'follow' | undefined
}

export type HttpStream = {
  readonly status: number
  readonly headers: Headers
  /** Must be read to its end or abandoned (`return()`), which frees the connection. */
  readonly body: AsyncGenerator<Uint8Array, void, undefined>
}

export type HttpResponse = { readonly status: number; readonly headers: Headers; readonly bytes: Buffer }

/** The body was larger than `maxBytes`. */
export class TooLargeError extends Error {
  override readonly name = 'TooLargeError'
}

/**
 * Rejects with TransientError (network, timeout), TooLargeError, or the signal's own reason.
 */
export const httpStream = async (url: string, options: HttpOptions): Promise<HttpStream> => {
  const guard = createGuard(url, options)
  try {
    const response = await (options.fetch ?? fetch)(url, {
      signal: guard.signal,
      redirect: options.redirect ?? 'manual',
      headers: { 'user-agent': 'millrace', accept: options.accept ?? '*/*' },
    })
    guard.restart()
    return { status: response.status, headers: response.headers, body: readBody(response, guard, options) }
  } catch (error) {
    guard.release()
    throw guard.translate(error)
  }
}

export const httpGet = async (url: string, options: HttpOptions): Promise<HttpResponse> => {
  const { status, headers, body } = await httpStream(url, options)
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return { status, headers, bytes: Buffer.concat(chunks) }
}

async function* readBody(
  response: Response,
  guard: Guard,
  { maxBytes }: HttpOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  let total = 0
  try {
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      total += chunk.length
      if (total > maxBytes) throw new TooLargeError(`more than ${maxBytes} bytes from ${response.url}`)
      // The reader's own time must not count against the server's.
      guard.pause()
      yield chunk
      guard.restart()
    }
  } catch (error) {
    throw guard.translate(error)
  } finally {
    guard.release()
  }
}

type Guard = {
  readonly signal: AbortSignal
  pause(): void
  restart(): void
  release(): void
  translate(error: unknown): Error
}

/** A controller of our own instead of AbortSignal.any: the caller's signal lives as long as the process. */
const createGuard = (url: string, { timeoutMs, signal }: HttpOptions): Guard => {
  const controller = new AbortController()
  const host = hostOf(url)
  let timedOut = false
  const onTimeout = () => {
    timedOut = true
    controller.abort()
  }
  const onAbort = () => controller.abort()
  let timer = setTimeout(onTimeout, timeoutMs)
  if (signal?.aborted) controller.abort()
  else signal?.addEventListener('abort', onAbort, { once: true })
  const pause = () => clearTimeout(timer)
  return {
    signal: controller.signal,
    pause,
    restart: () => {
      clearTimeout(timer)
      timer = setTimeout(onTimeout, timeoutMs)
    },
    release: () => {
      pause()
      signal?.removeEventListener('abort', onAbort)
      // Frees the connection of a body that was not read to its end; without effect on one that was.
      controller.abort()
    },
    translate: (error) => {
      if (error instanceof TooLargeError) return error
      if (signal?.aborted) return abortError(signal.reason)
      if (timedOut) return new TransientError(`${host} was silent for ${timeoutMs} ms`)
      return new TransientError(`cannot read from ${host}: ${describeError(error)}`, { cause: error })
    },
  }
}

const abortError = (reason: unknown): Error =>
  reason instanceof Error ? reason : new DOMException('aborted', 'AbortError')

const hostOf = (url: string): string => (URL.canParse(url) ? new URL(url).host : url)
