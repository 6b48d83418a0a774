/**
 * An event stream over WebSocket: what a relay's subscribeRepos and a labeler's subscribeLabels have in common. Owns the
 * numbering, the replay window, and the subscribers, each of which reads the window at its own pace.
 *
 * The producer is told to wait (`room`) before a connected subscriber would lose frames: a sandbox loses nothing unless asked.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocket, WebSocketServer } from 'ws'
import { errorFrame, infoFrame, numberFrame, type Unnumbered } from './frame.ts'
import { ReplayWindow } from './replay.ts'
import type { Host } from './http.ts'

/** What may wait in a subscriber's socket. */
const MAX_SOCKET_BYTES = 1024 * 1024
/** The longest header of a WebSocket frame that a server sends; it waits there, too. */
const HEADER_BYTES = 10
/** A subscriber that reads nothing for so long no longer holds the producer back. */
const STUCK_MS = 30_000

type Subscriber = { readonly socket: WebSocket; position: number; movedAt: number; silent: boolean }

export type StreamOptions = {
  readonly path: string
  readonly firstSeq: number
  readonly windowBytes: number
  /** Without a cursor: only what is new, or everything that is kept. */
  readonly withoutCursor: 'live' | 'oldest'
  /** May treat a cursor as one from the future, or as too old, whatever it is (a fault). */
  readonly judgeCursor?: () => 'future' | 'outdated' | null
}

export class EventStream {
  readonly #options: StreamOptions
  readonly #window: ReplayWindow
  readonly #subscribers = new Set<Subscriber>()
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false })
  #seq: number
  #scheduled = false

  constructor(options: StreamOptions) {
    this.#options = options
    this.#seq = options.firstSeq - 1
    this.#window = new ReplayWindow({ maxBytes: options.windowBytes })
  }

  attach(host: Host): void {
    host.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const url = new URL(request.url ?? '/', 'http://sandbox')
      if (url.pathname !== this.#options.path) return void socket.destroy()
      this.#sockets.handleUpgrade(request, socket, head, (connection) =>
        this.#accept(connection, url.searchParams),
      )
    })
  }

  /** Seq of the newest frame. */
  get seq(): number {
    return this.#seq
  }

  get window(): ReplayWindow {
    return this.#window
  }

  get subscribers(): number {
    return this.#subscribers.size
  }

  /** Takes the next number. */
  nextSeq(): number {
    return ++this.#seq
  }

  /** Leaves numbers out. */
  skip(numbers: number): void {
    this.#seq += numbers
  }

  /** Numbers a frame and sends it. */
  emit(frame: Unnumbered): void {
    const seq = this.nextSeq()
    this.push(seq, numberFrame(frame, seq, false))
  }

  /** Sends nothing more on the present connections, which stay open. */
  silence(): void {
    for (const subscriber of this.#subscribers) subscriber.silent = true
  }

  /** Ends the present connections in the middle of a frame. */
  breakOff(): void {
    for (const subscriber of this.#subscribers) {
      const { _socket: raw } = subscriber.socket as unknown as { _socket: Duplex }
      // The head of an unmasked binary frame of 1,000 bytes, and fewer than that.
      raw.write(Buffer.concat([Buffer.from([0x82, 126, 0x03, 0xe8]), Buffer.alloc(100)]), () => raw.destroy())
      this.#subscribers.delete(subscriber)
    }
  }

  /** Sends an error frame on the present connections and closes them, as the event stream spec has it. */
  fail(frame: Buffer): void {
    for (const subscriber of this.#subscribers) {
      this.#subscribers.delete(subscriber)
      subscriber.socket.send(frame, () => subscriber.socket.close(1008))
    }
  }

  /** Adds a frame that already has its number. */
  push(seq: number, bytes: Buffer): void {
    this.#seq = Math.max(this.#seq, seq)
    this.#window.add({ seq, bytes })
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      for (const subscriber of this.#subscribers) this.#pump(subscriber)
    })
  }

  /** Whether more can be produced without a connected subscriber losing frames. */
  room(): boolean {
    const now = Date.now()
    for (const { position, silent, movedAt } of this.#subscribers) {
      if (silent || now - movedAt > STUCK_MS) continue
      if (this.#window.bytesFrom(position) > this.#window.maxBytes / 2) return false
    }
    return true
  }

  close(): void {
    for (const { socket } of this.#subscribers) socket.terminate()
    this.#sockets.close()
  }

  #accept(socket: WebSocket, query: URLSearchParams): void {
    socket.on('error', () => socket.terminate())
    const cursor = this.#readCursor(query)
    const verdict = cursor === null ? null : (this.#options.judgeCursor?.() ?? null)
    if (cursor !== null && (cursor > this.#seq || verdict === 'future')) {
      return refuse(socket, 'FutureCursor', 'the cursor is ahead of the stream')
    }
    const { oldestSeq, start, end } = this.#window
    // Cursor 0 asks for the oldest there is (event-stream spec): nothing is missed then that was asked for.
    const evicted = start > 0 && oldestSeq !== null && cursor !== null && cursor > 0 && cursor < oldestSeq - 1
    const outdated = evicted || verdict === 'outdated'
    if (outdated)
      socket.send(infoFrame('OutdatedCursor', 'the stream no longer holds everything since the cursor'))
    const position =
      cursor === null
        ? this.#options.withoutCursor === 'live'
          ? end
          : start
        : this.#window.positionAfter(outdated ? 0 : cursor)
    const subscriber = { socket, position, movedAt: Date.now(), silent: false }
    this.#subscribers.add(subscriber)
    socket.on('close', () => this.#subscribers.delete(subscriber))
    this.#pump(subscriber)
  }

  #readCursor(query: URLSearchParams): number | null {
    const text = query.get('cursor')
    return text === null || text === '' ? null : Number(text) || 0
  }

  #pump(subscriber: Subscriber): void {
    const { socket } = subscriber
    if (subscriber.position < this.#window.start) {
      this.#subscribers.delete(subscriber)
      return refuse(socket, 'ConsumerTooSlow', 'the stream went on without this consumer')
    }
    while (
      !subscriber.silent &&
      socket.readyState === WebSocket.OPEN &&
      subscriber.position < this.#window.end
    ) {
      if (socket.bufferedAmount > MAX_SOCKET_BYTES) return
      this.#send(subscriber)
    }
  }

  #send(subscriber: Subscriber): void {
    const frame = this.#window.at(subscriber.position++)
    if (frame === null) return
    subscriber.movedAt = Date.now()
    const { socket } = subscriber
    const full = socket.bufferedAmount + HEADER_BYTES + frame.bytes.length > MAX_SOCKET_BYTES
    socket.send(frame.bytes, full ? () => this.#pump(subscriber) : undefined)
  }
}

const refuse = (socket: WebSocket, error: string, message: string): void => {
  socket.send(errorFrame(error, message), () => socket.close(1008, error))
}
