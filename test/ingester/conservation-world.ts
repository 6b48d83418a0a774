/**
 * A world to hold the ingester's law of conservation against: two relays, a labeler and a store, all of which can be taken away,
 * and every kind of frame. Whatever the ingester's ledgers say wrong, in whichever tick, becomes a violation.
 */
import assert from 'node:assert/strict'
import { toBytes } from '@atcute/cbor'
import {
  carOf,
  commitFrame,
  DID,
  FakeUpstream,
  frame,
  linkTo,
  openTestLog,
  recordBlock,
  REV,
  startIngester,
  TIME,
  until,
  type Running,
  type TestLog,
} from '../../src/ingester/testing.ts'
import { scrape } from '../../src/monitoring/registry.ts'
import type { Log } from '../../src/stream/log.ts'

export const PARTS = ['firehose', 'repos', 'labels'] as const
export type Part = (typeof PARTS)[number]

const NO_BLOCKS = toBytes(carOf([]))
const origin = { time: TIME, did: DID }
const elsewhere = linkTo(recordBlock('elsewhere'))
const gone = { action: 'delete', path: 'app.bsky.feed.post/x', cid: null }
export const OPS = {
  gone,
  filtered: { ...gone, path: 'a.b.c/x' },
  nowhere: { ...gone, path: 'x' },
  missing: { ...gone, action: 'create', cid: elsewhere },
}
const commitOf = (seq: number) => linkTo(recordBlock({ seq }))
export const commit = (seq: number, ops: readonly object[], more: object = {}) =>
  commitFrame(seq, { more: { commit: commitOf(seq), ops, blocks: NO_BLOCKS, ...more } })

type Frames = Readonly<Record<string, (seq: number) => Buffer>>

export const FRAMES = {
  'a created record': (seq) => commitFrame(seq, { more: { commit: commitOf(seq) } }),
  'a commit with several operations': (seq) => commit(seq, Object.values(OPS)),
  'a commit of which everything is filtered': (seq) => commit(seq, [OPS.filtered, OPS.filtered]),
  'a commit without operations': (seq) => commit(seq, []),
  'a commit that was too big': (seq) => commit(seq, [OPS.gone, OPS.filtered], { tooBig: true }),
  'a commit that was too big for any operation': (seq) => commit(seq, [], { tooBig: true }),
  'a sync': (seq) => frame('#sync', { seq, ...origin, rev: REV, blocks: NO_BLOCKS }),
  'an identity': (seq) => frame('#identity', { seq, ...origin }),
  'an account': (seq) => frame('#account', { seq, ...origin, active: true }),
  'a commit without its fields': (seq) => frame('#commit', { seq }),
  'a frame of an unknown type': (seq) => frame('#new', { seq }),
  'a frame larger than allowed': () => Buffer.alloc(70_000),
  'a frame of poison': () => Buffer.from('poison'),
  'an info frame': () => frame('#info', { name: 'OutdatedCursor' }),
} as const satisfies Frames
export type FrameName = keyof typeof FRAMES
export const FRAME_NAMES = Object.keys(FRAMES) as FrameName[]

/** Looks at the ledgers in every tick after an append has ended, which is when units change hands. */
const watchEveryTick = (log: Log, look: () => void): Log =>
  new Proxy(log, {
    get: (_, key) => {
      const value = Reflect.get(log, key) as unknown
      if (key !== 'append') return value
      return (...args: Parameters<Log['append']>) => {
        const done = log.append(...args)
        void lookOften(done, look)
        return done
      }
    },
  })

const lookOften = async (done: Promise<void>, look: () => void): Promise<void> => {
  await done.catch(() => {})
  for (let tick = 0; tick < 30; tick++) {
    look()
    await Promise.resolve()
  }
}

export class World implements AsyncDisposable {
  readonly relays: readonly FakeUpstream[]
  readonly labeler: FakeUpstream
  readonly store: TestLog
  readonly violations: string[] = []
  looks = 0
  seq = 0
  /** The one at work is the last. */
  readonly ingesters: Running[] = []

  private constructor(store: TestLog, upstreams: readonly [FakeUpstream, FakeUpstream, FakeUpstream]) {
    const [first, second, labeler] = upstreams
    this.store = store
    this.relays = [first, second]
    this.labeler = labeler
    this.start()
  }

  get ingester(): Running {
    return this.ingesters.at(-1) ?? assert.fail('none was started')
  }

  static async open(): Promise<World> {
    const upstreams = [FakeUpstream.start(), FakeUpstream.start(), FakeUpstream.start()] as const
    const world = new World(await openTestLog(), await Promise.all(upstreams))
    for (const relay of world.relays) relay.onPage = () => ({ body: { repos: [] } })
    await world.connected()
    return world
  }

  start(): void {
    const ingester = startIngester({
      log: watchEveryTick(this.store.log, () => this.look()),
      mode: 'all',
      relayHosts: this.relays.map(({ host }) => host),
      labelerHosts: [this.labeler.host],
      batchEntries: 3,
      maxFrameBytes: 65_536,
      stopDeadlineMs: 10,
      highWaterMarks: { firehose_live: 12, repo_backfill: 12, label_live: 12 },
    })
    this.ingesters.push(ingester)
  }

  look(): void {
    this.looks++
    for (const { ledgers } of this.ingesters) {
      for (const part of PARTS) {
        const ledger = ledgers[part]
        if (ledger.residual() !== 0) this.violations.push(`${part}: ${JSON.stringify(ledger.account())}`)
      }
    }
  }

  /** What a scrape says, at this very moment. */
  async scrape(): Promise<void> {
    const { text } = await scrape(this.ingester.registry)
    const lines = text.split('\n').filter((line) => line.startsWith('ingester_conservation_residual{'))
    const told = lines.map((line) => line.slice(line.indexOf('{')))
    assert.deepEqual(
      told.sort(),
      [...PARTS].sort().map((part) => `{part="${part}"} 0`),
    )
  }

  async connected(): Promise<void> {
    const sockets = [...this.relays, this.labeler]
    await until('all are connected', () => sockets.every(({ current }) => current?.readyState === 1))
  }

  /** As an indexer does: takes what there is, so that who waits for room gets it. */
  async consume(): Promise<void> {
    if (this.store.down) return
    for (const stream of ['firehose_live', 'repo_backfill', 'label_live']) {
      await this.store.log.ensureGroup(stream, 'g')
      const reader = { stream, group: 'g', consumer: 'c' }
      const entries = await this.store.log.read(reader, { maxEntries: 1_000, blockMs: 0 })
      await this.store.log.ack(
        stream,
        'g',
        entries.map(({ id }) => id),
      )
    }
  }

  inHand(): number {
    return PARTS.reduce((sum, part) => sum + this.ingester.ledgers[part].account().inFlight, 0)
  }

  async settle(): Promise<void> {
    this.store.down = false
    await until('nothing is in hand', async () => {
      await this.consume()
      return this.inHand() === 0
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.store.down = false
    await this.ingester.stop().catch(() => {})
    for (const upstream of [...this.relays, this.labeler]) await upstream[Symbol.asyncDispose]()
    await this.store[Symbol.asyncDispose]()
  }
}
