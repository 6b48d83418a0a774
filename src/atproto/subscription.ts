/**
 * An event stream that survives its connections. Owns connecting, the cursor of each connect, backoff and the end of a socket;
 * guarantees real back-pressure (what the consumer does not pull is not read) and that an abort ends the sequence promptly.
 * Refuses to look into a frame: positions are the consumer's, asked for anew at every connect.
 */
import { backoffMs, jitter, sleep, type BackoffOptions } from '../lib/backoff.ts'
import { EXIT, SetupError, TransientError, describeError } from '../lib/errors.ts'
import { FrameSocket, type FrameSocketOptions, type SocketEnd } from './frame-socket.ts'

export type SubscriptionNsid = 'com.atproto.sync.subscribeRepos' | 'com.atproto.label.subscribeLabels'

export type SubscriptionState = 'connecting' | 'connected' | 'disconnected'

export type SubscriptionDetail = {
  /** Counts from 1. */
  readonly connection: number
  /** As sent: null means from now on. */
  readonly cursor: number | null
  /** Why the connection ended; null unless disconnected. */
  readonly reason: string | null
  /** When the next connect is due; null unless disconnected. */
  readonly retryInMs: number | null
}

export type SubscribeOptions = {
  /** `bsky.network`, or with a scheme: https, http, wss, ws. */
  readonly host: string
  readonly nsid: SubscriptionNsid
  /** The position to resume behind; null to start from now. A TransientError is retried, another error ends the sequence. */
  readonly cursor: () => Promise<number | null>
  /** A connection without a data frame for so long is dead, whatever pings it answers. */
  readonly idleTimeoutMs: number
  readonly maxFrameBytes: number
  readonly onState?: ((state: SubscriptionState, detail: SubscriptionDetail) => void) | undefined
  readonly signal: AbortSignal
  /** Bytes that may wait for the consumer before the socket is paused. */
  readonly bufferBytes?: number | undefined
  readonly pingIntervalMs?: number | undefined
  readonly connectTimeoutMs?: number | undefined
  readonly backoff?: BackoffOptions | undefined
  /** A connection that lived longer lets the backoff start over. */
  readonly healthyAfterMs?: number | undefined
}

export type SubscriptionFrame = {
  /** Counts from 1; a new number means that the upstream resumed behind our cursor. */
  readonly connection: number
  /** Empty when the frame was oversize. */
  readonly bytes: Uint8Array
  /** Larger than `maxFrameBytes`, and let go: to be counted as a drop. */
  readonly oversize: boolean
}

const NO_BYTES = new Uint8Array(0)

/** Ends, without an error, when the signal aborts. */
export async function* subscribe(
  options: SubscribeOptions,
): AsyncGenerator<SubscriptionFrame, void, undefined> {
  const { signal } = options
  const healthyAfterMs = options.healthyAfterMs ?? 30_000
  let failures = 0
  let skip = 0
  for (let connection = 1; !signal.aborted; connection++) {
    const attempt = yield* connectOnce(options, connection, skip)
    if (signal.aborted) return
    skip = nextSkip(skip, attempt)
    failures = attempt.livedMs > healthyAfterMs || attempt.refusedFrame ? 1 : failures + 1
    const delayMs = Math.max(nextDelayMs(failures, options.backoff), attempt.retryAfterMs ?? 0)
    options.onState?.('disconnected', {
      connection,
      cursor: attempt.cursor,
      reason: attempt.reason,
      retryInMs: delayMs,
    })
    await sleep(delayMs, signal)
  }
}

type Attempt = SocketEnd & {
  readonly cursor: number | null
  readonly livedMs: number
  readonly frames: number
}

async function* connectOnce(
  options: SubscribeOptions,
  connection: number,
  skip: number,
): AsyncGenerator<SubscriptionFrame, Attempt, undefined> {
  const position = await askCursor(options)
  if (typeof position === 'string') return unconnected(position)
  const cursor = position === null ? null : position + skip
  const detail = { connection, cursor, reason: null, retryInMs: null }
  if (options.signal.aborted) return unconnected('aborted')
  options.onState?.('connecting', detail)
  const url = subscriptionUrl(options.host, options.nsid, cursor)
  const socket = new FrameSocket(
    url,
    socketOptions(options, () => options.onState?.('connected', detail)),
  )
  const onAbort = () => socket.close('aborted')
  options.signal.addEventListener('abort', onAbort, { once: true })
  let frames = 0
  try {
    for (;;) {
      const item = await socket.next()
      if ('end' in item) return { ...item.end, cursor, livedMs: socket.livedMs, frames }
      if (item.frame !== null) frames++
      yield { connection, bytes: item.frame ?? NO_BYTES, oversize: item.frame === null }
    }
  } finally {
    options.signal.removeEventListener('abort', onAbort)
    socket.close('abandoned')
  }
}

const unconnected = (reason: string): Attempt => ({
  reason,
  refusedFrame: false,
  retryAfterMs: null,
  cursor: null,
  livedMs: 0,
  frames: 0,
})

/** The position, or in words why it could not be read this time. */
const askCursor = async ({ cursor }: SubscribeOptions): Promise<number | null | string> => {
  try {
    return await cursor()
  } catch (error) {
    if (error instanceof TransientError) return `the cursor cannot be read: ${describeError(error)}`
    throw error
  }
}

/**
 * A frame that cost the connection would come again first thing after the same cursor, for ever. So the next connect asks one
 * position further, and one more each time that nothing at all came before the refused frame: slow where an upstream leaves
 * gaps in its sequence, but never past an event that could be had.
 */
const nextSkip = (skip: number, { refusedFrame, frames }: Attempt): number => {
  if (!refusedFrame) return frames > 0 ? 0 : skip
  return frames > 0 ? 1 : skip + 1
}

const nextDelayMs = (
  failures: number,
  backoff: BackoffOptions = { initialMs: 1_000, maxMs: 60_000 },
): number => jitter(backoffMs(failures, backoff))

/** Frames that wait, before the socket is paused. */
export const BUFFER_BYTES = 1024 * 1024

const socketOptions = (options: SubscribeOptions, onOpen: () => void): FrameSocketOptions => ({
  idleTimeoutMs: options.idleTimeoutMs,
  maxFrameBytes: options.maxFrameBytes,
  pingIntervalMs: options.pingIntervalMs ?? 30_000,
  connectTimeoutMs: options.connectTimeoutMs ?? 15_000,
  bufferBytes: options.bufferBytes ?? BUFFER_BYTES,
  onOpen,
})

/** `ws(s)://host/xrpc/<nsid>[?cursor=]`. Throws SetupError for a host that is no host. */
export const subscriptionUrl = (host: string, nsid: string, cursor: number | null): string => {
  const text = host.includes('://') ? host.replace(/^http/, 'ws') : `wss://${host}`
  if (!/^wss?:\/\//.test(text) || !URL.canParse(text)) {
    throw new SetupError(`"${host}" is not a host to subscribe to`, {
      remedy:
        'Write a host name such as bsky.network, or a URL that begins with https://, http://, wss:// or ws://.',
      exitCode: EXIT.usage,
    })
  }
  const url = new URL(`/xrpc/${nsid}`, text)
  if (cursor !== null) url.searchParams.set('cursor', String(cursor))
  return url.href
}
