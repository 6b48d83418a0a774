/**
 * What the ingester's tests stand on: frames made by hand, an upstream on loopback that sends them (the network is the only
 * thing faked), and a log that can be taken away. Guarantees that everything opened is closed.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encode, toBytes } from '@atcute/cbor'
import { CODEC_DCBOR, fromDigest, toCidLink, toString } from '@atcute/cid'
import { WebSocketServer, type WebSocket } from 'ws'
import { sha256 } from '../atproto/cid.ts'
import type { CommitMessage, RepoOp } from '../atproto/message.ts'
import { TransientError } from '../lib/errors.ts'
import { silentLogger } from '../lib/logger.ts'
import { runService, type RunningService } from '../monitoring/testing-running.ts'
import { openEmbeddedLog } from '../stream/embedded/index.ts'
import type { Fields, Log } from '../stream/log.ts'
import { createIngester, type Ingester, type IngesterOptions } from './index.ts'

export type Block = { readonly cid: string; readonly bytes: Uint8Array }

export const blockOf = (bytes: Uint8Array): Block => ({
  cid: toString(fromDigest(CODEC_DCBOR, sha256(bytes))),
  bytes,
})

export const recordBlock = (value: unknown): Block => blockOf(encode(value))

export const linkTo = ({ bytes }: Block) => toCidLink(fromDigest(CODEC_DCBOR, sha256(bytes)))

const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))]

const section = (bytes: Uint8Array): Buffer => Buffer.concat([Buffer.from(varint(bytes.length)), bytes])

export const carOf = (blocks: readonly Block[]): Uint8Array => {
  const header = encode({ version: 1, roots: [] })
  const sections = blocks.map((block) =>
    section(Buffer.concat([fromDigest(CODEC_DCBOR, sha256(block.bytes)).bytes, block.bytes])),
  )
  return Buffer.concat([section(header), ...sections])
}

export const DID = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
export const REV = '3l4cjkha6a7x2'
export const TIME = '2025-11-01T00:00:00.000Z'
export const POST = { $type: 'app.bsky.feed.post', text: 'hello', createdAt: TIME }

export const commitMessage = (
  ops: readonly Partial<RepoOp>[],
  blocks: readonly Block[] = [],
  more: Partial<CommitMessage> = {},
): CommitMessage => ({
  type: 'commit',
  seq: 1,
  time: TIME,
  repo: DID,
  commit: blockOf(Buffer.from('commit')).cid,
  rev: REV,
  since: null,
  prevData: null,
  tooBig: false,
  ops: ops.map((op) => ({ action: 'create', path: 'app.bsky.feed.post/3k', cid: null, prev: null, ...op })),
  blocks: carOf(blocks),
  ...more,
})

export const frame = (type: string, body: object): Buffer =>
  Buffer.concat([encode({ op: 1, t: type }), encode(body)])

export const errorFrame = (error: string): Buffer =>
  Buffer.concat([encode({ op: -1 }), encode({ error, message: 'said the relay' })])

export type FrameOptions = { did?: string; rev?: string; collection?: string; text?: string; more?: object }

/** A commit that creates one record: one event, or none when its collection is filtered. */
export const commitFrame = (seq: number, options: FrameOptions = {}): Buffer => {
  const { did = DID, rev = REV, collection = 'app.bsky.feed.post', text = `post ${seq}`, more = {} } = options
  const record = recordBlock({ ...POST, $type: collection, text })
  return frame('#commit', {
    seq,
    time: TIME,
    repo: did,
    rev,
    since: null,
    commit: linkTo(recordBlock({ did, rev })),
    tooBig: false,
    rebase: false,
    blobs: [],
    ops: [{ action: 'create', path: `${collection}/k${seq}`, cid: linkTo(record) }],
    blocks: toBytes(carOf([record])),
    ...more,
  })
}

export const labelsFrame = (seq: number, labels: readonly object[]): Buffer =>
  frame('#labels', { seq, labels })

export const LABEL = { src: DID, uri: `at://${DID}`, val: 'spam', cts: TIME }

export type HttpAnswer = {
  readonly status?: number
  readonly headers?: Record<string, string>
  readonly body: unknown
}

/** A relay or labeler. It sends what the test hands it and remembers what it was asked for. */
export class FakeUpstream implements AsyncDisposable {
  readonly #server = createServer((request, response) => this.#answer(request, response))
  readonly #sockets = new WebSocketServer({
    server: this.#server,
    verifyClient: (_info, decide) => decide(!this.refusing, 500),
  })
  /** The cursor of each connection, null when it named none. */
  readonly cursors: (string | null)[] = []
  readonly pages: URLSearchParams[] = []
  current: WebSocket | null = null
  /** While set, WebSockets are answered 500. */
  refusing = false
  onConnect: (socket: WebSocket, cursor: string | null) => void = () => {}
  onPage: (query: URLSearchParams) => HttpAnswer = () => ({ body: { repos: [] } })

  static async start(): Promise<FakeUpstream> {
    const upstream = new FakeUpstream()
    await new Promise<void>((resolve) => upstream.#server.listen(0, '127.0.0.1', resolve))
    upstream.#sockets.on('connection', (socket, request) => upstream.#connected(socket, request))
    return upstream
  }

  get host(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  send(...frames: readonly Uint8Array[]): void {
    for (const bytes of frames) this.current?.send(bytes)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate()
    this.#sockets.close()
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #connected(socket: WebSocket, request: IncomingMessage): void {
    const cursor = new URL(request.url ?? '/', this.host).searchParams.get('cursor')
    this.cursors.push(cursor)
    this.current = socket
    this.onConnect(socket, cursor)
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const query = new URL(request.url ?? '/', this.host).searchParams
    this.pages.push(query)
    const { status = 200, headers = {}, body } = this.onPage(query)
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }
}

/** A real embedded log in a folder of its own, whose methods can be made to fail. */
export type TestLog = {
  readonly log: Log
  /** While set, every method rejects. */
  down: boolean
  /** Sees what is appended before the store does. */
  onAppend: (entries: Fields[]) => void
} & AsyncDisposable

export const openTestLog = async (): Promise<TestLog> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-ingester-'))
  const real = await openEmbeddedLog({ dataDir })
  const test: TestLog & { log: Log } = {
    down: false,
    onAppend: () => {},
    log: null as unknown as Log,
    [Symbol.asyncDispose]: async () => {
      await real[Symbol.asyncDispose]()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
  test.log = new Proxy<Log>(real, {
    get: (_, key) => {
      const value: unknown = Reflect.get(real, key, real)
      if (typeof value !== 'function') return value
      if (test.down) return () => Promise.reject(new TransientError('the store is away'))
      return (...args: unknown[]) => {
        if (key === 'append') test.onAppend(args[1] as Fields[])
        return (value as (...args: unknown[]) => unknown).apply(real, args)
      }
    },
  })
  return test
}

export const entriesOf = async (log: Log, stream: string): Promise<readonly Record<string, unknown>[]> => {
  const entries: Record<string, unknown>[] = []
  let afterId: string | undefined
  for (;;) {
    const some = await log.range(stream, { maxEntries: 1_000, ...(afterId !== undefined && { afterId }) })
    if (some.length === 0) return entries
    for (const { fields } of some) {
      entries.push(JSON.parse(Object.values(fields ?? {})[0] ?? 'null') as Record<string, unknown>)
    }
    afterId = some.at(-1)?.id
  }
}

/** Waits for a condition, looking often; fails in words when it does not come. */
export const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
  const deadline = Date.now() + 20_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Fast and impatient, so that no test has to wait for a default. */
export const IMPATIENT = {
  batchTimeoutMs: 5,
  idleSaveMs: 5,
  idleTimeoutMs: 5_000,
  reconnect: { initialMs: 1, maxMs: 10 },
  storeRetry: { initialMs: 1, maxMs: 10 },
  fetchRetry: { initialMs: 1, maxMs: 5 },
  roomCheckMs: 5,
  doneRecheckMs: 5,
} as const

export type Running = RunningService<Ingester>

export const startIngester = (
  options: Partial<IngesterOptions> & Pick<IngesterOptions, 'log' | 'mode'>,
): Running => {
  const ingester = createIngester({
    logger: silentLogger,
    version: '0.0.0',
    relayHosts: [],
    labelerHosts: [],
    ...IMPATIENT,
    ...options,
  })
  return runService(ingester)
}
