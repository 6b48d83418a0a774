/**
 * One repo from its PDS, as a stream of bytes. Owns the conversation with the host: what its answer means,
 * when a transfer is too slow to be worth its place. Guarantees that every way in which it ends early is a
 * RepoFailure. Refuses to look into the bytes. There is no limit on the total time: a large repo may take long, a silent or
 * dripping one may not.
 */
import { httpStream, TooLargeError, type HttpStream } from '../atproto/http.ts'
import { retryAfterMs, xrpcGet, xrpcUrl, XrpcError, type XrpcOutput } from '../atproto/xrpc.ts'
import { describeError } from '../lib/errors.ts'
import { classifyAnswer, classifyRepoState, RepoFailure } from './classify.ts'

export type DownloadLimits = {
  /** Until the answer begins, and for every silence within it. */
  readonly timeoutMs: number
  /** Averaged over each `slowAfterMs` of waiting for the host; our own pauses do not count. */
  readonly minBytesPerSecond: number
  readonly slowAfterMs: number
  readonly maxBytes: number
}

export type DownloadContext = {
  readonly limits: DownloadLimits
  readonly signal: AbortSignal
  /** Told the status of the answer, null when none came. */
  readonly onAnswer: (status: number | null) => void
  readonly onBytes: (bytes: number) => void
}

export type Download = {
  /** `content-length` of an uncompressed body, else null. A claim of the host, not a promise. */
  readonly declaredBytes: number | null
  /** The host said that this answer was the last before its window ends: the wait that it named. */
  readonly hostWaitMs: number | null
  readonly chunks: AsyncGenerator<Uint8Array, void, undefined>
}

/** Resolves when the CAR begins to arrive. Rejects with RepoFailure, or the signal's reason. */
export const openDownload = async (pds: string, did: string, context: DownloadContext): Promise<Download> => {
  const response = await ask(xrpcUrl(pds, 'com.atproto.sync.getRepo', { did }), context)
  const { status, headers } = response
  const contentType = headers.get('content-type')
  const body = status === 200 ? null : await readErrorBody(response)
  const error = textOf(body, 'error')
  const reason = classifyAnswer({ status, contentType, error })
  const waitMs = retryAfterMs(headers, Date.now())
  if (reason === null) {
    const hostWaitMs = headers.get('ratelimit-remaining') === '0' ? waitMs : null
    return { declaredBytes: declaredBytes(headers), hostWaitMs, chunks: read(response, context) }
  }
  if (status === 200) await discard(response.body)
  const precise = reason === 'http_4xx' ? ((await askStatus(pds, did, context)) ?? reason) : reason
  throw new RepoFailure(precise, `answered ${status} ${error ?? contentType ?? ''}`.trim(), {
    retryAfterMs: waitMs ?? undefined,
  })
}

/** Frees the connection of a body nobody wants. Only a generator that has begun runs its `finally`. */
export const discard = async (body: AsyncGenerator<Uint8Array, void, undefined>): Promise<void> => {
  try {
    await body.next()
    await body.return()
  } catch {
    // It broke off by itself, which frees it too.
  }
}

const ask = async (url: string, { limits, signal, onAnswer }: DownloadContext): Promise<HttpStream> => {
  const since = performance.now()
  try {
    const response = await httpStream(url, { ...limits, signal, accept: CAR })
    onAnswer(response.status)
    return response
  } catch (error) {
    if (signal.aborted) throw error
    onAnswer(null)
    const silent = performance.now() - since >= limits.timeoutMs
    throw new RepoFailure(silent ? 'timeout' : 'unreachable', describeError(error), { cause: error })
  }
}

const CAR = 'application/vnd.ipld.car'

/** The body with its ends named: too large, silent, broken off, too slow. */
async function* read(
  { body }: HttpStream,
  { limits, signal, onBytes }: DownloadContext,
): AsyncGenerator<Uint8Array, void, undefined> {
  const pace = createPace(limits)
  let since = performance.now()
  try {
    for await (const chunk of body) {
      onBytes(chunk.length)
      pace(chunk.length, performance.now() - since)
      yield chunk
      since = performance.now()
    }
  } catch (error) {
    if (signal.aborted || error instanceof RepoFailure) throw error
    if (error instanceof TooLargeError) throw new RepoFailure('too_large', error.message, { cause: error })
    // Silence too: this host answers, so it is not away, and the repo may be why.
    throw new RepoFailure('interrupted', describeError(error), { cause: error })
  }
}

/** Throws once a whole window of waiting has brought less than the minimum. */
const createPace = ({ minBytesPerSecond, slowAfterMs }: DownloadLimits) => {
  let waitedMs = 0
  let bytes = 0
  return (received: number, waitMs: number): void => {
    waitedMs += waitMs
    bytes += received
    if (waitedMs < slowAfterMs) return
    if (bytes < (minBytesPerSecond * waitedMs) / 1000) {
      throw new RepoFailure('too_slow', `${bytes} bytes in ${Math.round(waitedMs)} ms`)
    }
    waitedMs = 0
    bytes = 0
  }
}

/** What the PDS says of a repo it refused without a name that we know; null when it says nothing useful. */
const askStatus = async (pds: string, did: string, { limits, signal }: DownloadContext) => {
  try {
    const options = { timeoutMs: limits.timeoutMs, maxBytes: ERROR_BODY_BYTES, signal }
    const answer = await xrpcGet(pds, 'com.atproto.sync.getRepoStatus', { did }, options)
    return answer['active'] === false ? classifyRepoState(textOf(answer, 'status')) : null
  } catch (error) {
    if (signal.aborted) throw error
    return error instanceof XrpcError ? classifyRepoState(error.error) : null
  }
}

const ERROR_BODY_BYTES = 16 * 1024

const readErrorBody = async ({ body }: HttpStream): Promise<XrpcOutput | null> => {
  const chunks: Uint8Array[] = []
  let total = 0
  try {
    for await (const chunk of body) {
      chunks.push(chunk)
      total += chunk.length
      if (total >= ERROR_BODY_BYTES) break
    }
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as XrpcOutput) : null
  } catch {
    // A body that cannot be read says nothing; the status has already said enough.
    return null
  }
}

const textOf = (body: XrpcOutput | null, key: string): string | null =>
  typeof body?.[key] === 'string' ? body[key].slice(0, 200) : null

const declaredBytes = (headers: Headers): number | null => {
  const length = headers.get('content-length')
  return length === null || headers.has('content-encoding') || !/^\d+$/.test(length) ? null : Number(length)
}
