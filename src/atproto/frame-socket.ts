/**
 * One WebSocket connection of an event stream, as an async sequence of binary frames. Guarantees: at most about
 * `bufferBytes` (and one socket chunk, and one frame) wait for the consumer, then the socket is paused and the peer feels it;
 * a connection without *data* for `idleTimeoutMs` ends, whatever pings it answers; `next` never rejects: every end is a value.
 */
import WebSocket from 'ws'
import { retryAfterMs } from './xrpc.ts'

export type FrameSocketOptions = {
  readonly idleTimeoutMs: number
  readonly pingIntervalMs: number
  readonly connectTimeoutMs: number
  readonly maxFrameBytes: number
  readonly bufferBytes: number
  readonly onOpen: () => void
}

export type SocketEnd = {
  readonly reason: string
  /** The peer sent a frame so large that only closing the connection could refuse it. */
  readonly refusedFrame: boolean
  readonly retryAfterMs: number | null
}

/** A frame, or null for one that was larger than `maxFrameBytes` and has been let go. */
export type SocketFrame = Uint8Array | null

/** Frames up to this multiple of the limit are received and let go; only a larger one costs the connection. */
const HARD_LIMIT_FACTOR = 4

export class FrameSocket {
  readonly #socket: WebSocket
  readonly #options: FrameSocketOptions
  readonly #ping: NodeJS.Timeout
  #watchdog: NodeJS.Timeout | undefined
  #queue: SocketFrame[] = []
  #head = 0
  #queuedBytes = 0
  #received = 0
  #end: SocketEnd | null = null
  #openedAt: number | null = null
  #livedMs = 0
  #wake: (() => void) | null = null

  constructor(url: string, options: FrameSocketOptions) {
    this.#options = options
    this.#socket = new WebSocket(url, {
      maxPayload: options.maxFrameBytes * HARD_LIMIT_FACTOR,
      handshakeTimeout: options.connectTimeoutMs,
      perMessageDeflate: false,
      followRedirects: false,
      headers: { 'user-agent': 'millrace' },
    })
    this.#ping = setInterval(() => {
      if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping()
    }, options.pingIntervalMs)
    this.#listen()
  }

  /** How long the connection was open; 0 when it never was. */
  get livedMs(): number {
    return this.#livedMs
  }

  /** The next frame, or how the connection ended; frames that had arrived before the end come first. */
  async next(): Promise<{ frame: SocketFrame } | { end: SocketEnd }> {
    for (;;) {
      if (this.#head < this.#queue.length) return { frame: this.#shift() }
      if (this.#end !== null) return { end: this.#end }
      await new Promise<void>((resolve) => (this.#wake = resolve))
      this.#wake = null
    }
  }

  /** Ends the connection at once; what is buffered is let go. */
  close(reason: string): void {
    this.#queue = []
    this.#head = 0
    this.#queuedBytes = 0
    this.#finish({ reason, refusedFrame: false, retryAfterMs: null })
  }

  #listen(): void {
    const socket = this.#socket
    socket.binaryType = 'nodebuffer'
    socket.on('open', () => {
      this.#openedAt = performance.now()
      this.#watchdog = this.#armWatchdog()
      this.#options.onOpen()
    })
    socket.on('message', (data: Buffer) => this.#push(data))
    socket.on('unexpected-response', (request, response) => {
      const headers = new Headers({ 'retry-after': response.headers['retry-after'] ?? '' })
      const wait =
        response.statusCode === 429 || response.statusCode === 503 ? retryAfterMs(headers, Date.now()) : null
      request.destroy()
      this.#finish({
        reason: `refused with status ${response.statusCode}`,
        refusedFrame: false,
        retryAfterMs: wait,
      })
    })
    socket.on('error', (error) => {
      const refusedFrame = 'code' in error && error.code === 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH'
      if (refusedFrame) this.#enqueue(null)
      this.#finish({ reason: error.message, refusedFrame, retryAfterMs: null })
    })
    socket.on('close', (code, text) => {
      const reason = `closed with code ${code}${text.length > 0 ? `: ${text.toString('utf8')}` : ''}`
      this.#finish({ reason, refusedFrame: false, retryAfterMs: null })
    })
  }

  #push(data: Buffer): void {
    this.#received++
    this.#watchdog?.refresh()
    this.#enqueue(data.length > this.#options.maxFrameBytes ? null : data)
  }

  #enqueue(frame: SocketFrame): void {
    if (this.#end !== null) return
    this.#queue.push(frame)
    this.#queuedBytes += frame?.length ?? 0
    if (this.#queuedBytes >= this.#options.bufferBytes && !this.#socket.isPaused) this.#pause()
    this.#wake?.()
  }

  #shift(): SocketFrame {
    const frame = this.#queue[this.#head] ?? null
    this.#queue[this.#head] = null
    this.#head++
    if (this.#head === this.#queue.length) {
      this.#queue = []
      this.#head = 0
    }
    this.#queuedBytes -= frame?.length ?? 0
    if (this.#socket.isPaused && this.#queuedBytes <= this.#options.bufferBytes / 2) this.#resume()
    return frame
  }

  /** While we do not read, the peer's silence means nothing: the watchdog sleeps. */
  #pause(): void {
    clearTimeout(this.#watchdog)
    this.#socket.pause()
  }

  #resume(): void {
    if (this.#end !== null) return
    this.#watchdog = this.#armWatchdog()
    this.#socket.resume()
  }

  #armWatchdog(): NodeJS.Timeout {
    return setTimeout(() => this.#onIdle(), this.#options.idleTimeoutMs)
  }

  /** A busy event loop runs timers before it reads sockets: frames may be waiting, so look again after the next read. */
  #onIdle(): void {
    const before = this.#received
    setImmediate(() => {
      if (this.#received !== before || this.#socket.isPaused) return
      const reason = `no data for ${this.#options.idleTimeoutMs} ms`
      this.#finish({ reason, refusedFrame: false, retryAfterMs: null })
    })
  }

  #finish(end: SocketEnd): void {
    if (this.#end !== null) return
    this.#end = end
    if (this.#openedAt !== null) this.#livedMs = performance.now() - this.#openedAt
    clearTimeout(this.#watchdog)
    clearInterval(this.#ping)
    this.#socket.terminate()
    this.#wake?.()
  }
}
