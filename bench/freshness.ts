/**
 * How long an entry waits from its append until its rows are committed, at a given rate: the whole indexer in its default settings on an
 * embedded PostgreSQL, and an appender that writes every 20 ms what is due, as the ingester would. Exact per entry: its id says when it
 * was appended, and the moment in which it is acknowledged comes just after its commit; so every figure is a little too
 * large, none too small. `since due` counts from the moment in which the entry should have been appended: it also sees an appender that is
 * held up (with the embedded log they share a process). Identities are looked up by somebody who answers after 50 ms.
 * The first seconds warm up and are not counted. `waited for a core` (of every second, the main thread) says how much of it all is
 * the fault of a busy machine. Exits with 3 when a rate is not kept up with.
 * Run: node --max-semi-space-size=4 bench/freshness.ts [--rate 1000] [--seconds 60] [--turns 3] [--redis] [--profile]
 *   Several rates: --rate 100,500,1000,2000. With --redis the log is a real redis-server with its append-only file on.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import type { Pool } from '../src/db/pool.ts'
import { cursorKey, DEFAULT_INDEXER_GROUP, FIREHOSE_LIVE } from '../src/event/streams.ts'
import { createIndexer } from '../src/indexer/index.ts'
import type { Lookup } from '../src/indexer/lookup.ts'
import { sleep } from '../src/lib/backoff.ts'
import { silentLogger } from '../src/lib/logger.ts'
import { openEmbeddedLog } from '../src/stream/embedded/index.ts'
import type { Fields, Log } from '../src/stream/log.ts'
import { openRedisLog } from '../src/stream/redis/index.ts'
import { freshRedis } from '../test/harness/services.ts'
import { entriesApart } from './entries.ts'
import { cpuOf, median, quantile, serverCpu, withDatabase } from './indexing.ts'
import { Watch, watched } from './watched-log.ts'

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '60' },
    turns: { type: 'string', default: '3' },
    redis: { type: 'boolean', default: false },
    /** Where the time of a batch goes, by the kind of its statements. */
    profile: { type: 'boolean', default: false },
  },
})

const APPEND_EVERY_MS = 20
const WARM_UP_SECONDS = 5
const DRAIN_MS = 60_000
const ENTRIES_PER_ACCOUNT = 10
const LOOKUP_MS = 50
/** Appended and not committed at the end, in seconds of the rate: more is a backlog. */
const BACKLOG_SECONDS = 1

type Store = { readonly log: Log; readonly cpu: () => number }

const openStore = async (stack: AsyncDisposableStack): Promise<Store> => {
  if (values.redis) {
    const server = stack.use(await freshRedis({ args: ['--appendonly', 'yes'] }))
    return { log: stack.use(await openRedisLog({ url: server.url })), cpu: () => cpuOf(server.pid) }
  }
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  stack.defer(() => rmSync(dataDir, { recursive: true, force: true }))
  return { log: stack.use(await openEmbeddedLog({ dataDir })), cpu: () => 0 }
}

const lookup: Lookup = {
  identity: async (did, signal) => {
    await sleep(LOOKUP_MS, signal)
    return { handle: `${did.replaceAll(/[^a-z0-9]/g, '-')}.test` }
  },
  status: async () => ({ active: true, status: null }),
}

/** In the settings that an indexer has by default. */
const indexerOf = (log: Log, pool: Pool) =>
  createIndexer({
    log,
    pool,
    logger: silentLogger,
    version: '0.0.0',
    mode: 'all',
    group: DEFAULT_INDEXER_GROUP,
    consumer: 'indexer_1',
    batchSize: 2_000,
    lookup,
    lookupConcurrency: 100,
  })
const POOL_SIZE = 20

type Pace = { readonly rate: number; readonly startMs: number }

/** Resolves when everything is appended. */
const appendAll = async (log: Log, entries: readonly Fields[], { rate, startMs }: Pace): Promise<void> => {
  for (let at = 0; at < entries.length;) {
    await sleep(APPEND_EVERY_MS)
    const due = Math.min(entries.length, Math.floor(((Date.now() - startMs) / 1_000) * rate))
    if (due <= at) continue
    const cursor = { name: cursorKey(FIREHOSE_LIVE, 'wss://bench.test'), value: String(due) }
    await log.append(FIREHOSE_LIVE, entries.slice(at, due), cursor)
    at = due
  }
}

const untilDrained = async (watch: Watch, entries: number): Promise<void> => {
  const deadline = Date.now() + DRAIN_MS
  while (watch.acknowledged < entries && Date.now() < deadline) await sleep(APPEND_EVERY_MS)
}

type Cpu = {
  readonly node: number
  readonly postgres: number
  readonly store: number
  /** What our main thread waited for a core: not the indexer's doing, and in every figure. */
  readonly starved: number
}

/** Linux; 0 where nobody counts it. */
const starvedSeconds = (): number => {
  const file = '/proc/self/schedstat'
  return existsSync(file) ? Number(readFileSync(file, 'utf8').split(' ')[1]) / 1e9 : 0
}

const cpuNow = async (pool: Pool, store: Store): Promise<Cpu> => {
  const { user, system } = process.cpuUsage()
  return {
    node: (user + system) / 1e6,
    postgres: await serverCpu(pool),
    store: store.cpu(),
    starved: starvedSeconds(),
  }
}

const mapCpu = (figure: (part: keyof Cpu) => number): Cpu => ({
  node: figure('node'),
  postgres: figure('postgres'),
  store: figure('store'),
  starved: figure('starved'),
})

/** Seconds and numbers of statements, by their kind. */
type Kinds = Map<string, { seconds: number; count: number }>

const observed = (pool: Pool): Kinds => {
  const kinds: Kinds = new Map()
  const add = (kind: string, seconds: number) => {
    const line = kinds.get(kind) ?? { seconds: 0, count: 0 }
    kinds.set(kind, { seconds: line.seconds + seconds, count: line.count + 1 })
  }
  pool.observe({
    onStatement: add,
    onWait: (seconds) => add('(wait for a connection)', seconds),
    onError: () => {},
    onRows: () => {},
  })
  return kinds
}

/** Of one turn; times in ms, CPU in cores. */
type Turn = {
  readonly fresh: readonly number[]
  readonly sinceDue: readonly number[]
  readonly unread: readonly number[]
  readonly sinceRead: readonly number[]
  readonly batchSizes: readonly number[]
  readonly cores: Cpu
  readonly backlog: number
  readonly loopDelayMs: number
  readonly kinds: Kinds
}

const turnOf = (
  { waits, batches }: Watch,
  { rate, startMs }: Pace,
): Omit<Turn, 'cores' | 'backlog' | 'loopDelayMs' | 'kinds'> => {
  const isCounted = ({ index }: { readonly index: number }) => index >= WARM_UP_SECONDS * rate
  const counted = waits.filter(isCounted)
  const dueMs = (index: number) => startMs + (index / rate) * 1_000
  return {
    fresh: counted.map(({ appended, committed }) => committed - appended),
    sinceDue: counted.map(({ index, committed }) => committed - dueMs(index)),
    unread: counted.map(({ appended, read }) => read - appended),
    sinceRead: counted.map(({ read, committed }) => committed - read),
    batchSizes: batches.filter(isCounted).map(({ size }) => size),
  }
}

const measure = async (pool: Pool, entries: readonly Fields[], rate: number): Promise<Turn> => {
  await using stack = new AsyncDisposableStack()
  const watch = new Watch()
  const store = await openStore(stack)
  const log = watched(store.log, watch)
  const { service } = indexerOf(log, pool)
  const kinds = observed(pool)
  const stop = new AbortController()
  const running = service.run(stop.signal)
  const pace = { rate, startMs: Date.now() }
  const appending = appendAll(log, entries, pace)
  await sleep(WARM_UP_SECONDS * 1_000)
  kinds.clear()
  const delay = monitorEventLoopDelay({ resolution: 5 })
  delay.enable()
  const [before, beganMs] = [await cpuNow(pool, store), performance.now()]
  await appending
  const backlog = entries.length - watch.acknowledged
  const [after, seconds] = [await cpuNow(pool, store), (performance.now() - beganMs) / 1_000]
  const cores = mapCpu((part) => (after[part] - before[part]) / seconds)
  const loopDelayMs = delay.percentile(99) / 1e6
  const seen = new Map(kinds)
  await untilDrained(watch, entries.length)
  stop.abort()
  await running
  return { ...turnOf(watch, pace), cores, backlog, loopDelayMs, kinds: seen }
}

const mean = (numbers: readonly number[]): number =>
  numbers.reduce((sum, number) => sum + number, 0) / numbers.length

const HEAD = [
  ...['events/s', 'p50 ms', 'p95', 'p99', 'max', 'since due p99'],
  ...['until read p50, p99', 'from there p50, p99'],
  ...['entries per batch', 'node, cores', 'PostgreSQL', 'Redis', 'waited for a core', 'backlog'],
]

const lineOf = (rate: number, turns: readonly Turn[]): readonly string[] => {
  const of = (figure: (turn: Turn) => number, digits = 0) => median(turns.map(figure)).toFixed(digits)
  const at = (share: number, what: 'fresh' | 'sinceDue' | 'unread' | 'sinceRead') =>
    of((turn) => quantile(share, turn[what]))
  return [
    rate.toLocaleString('en'),
    ...[0.5, 0.95, 0.99, 1].map((share) => at(share, 'fresh')),
    at(0.99, 'sinceDue'),
    `${at(0.5, 'unread')}, ${at(0.99, 'unread')}`,
    `${at(0.5, 'sinceRead')}, ${at(0.99, 'sinceRead')}`,
    of(({ batchSizes }) => mean(batchSizes), 1),
    of(({ cores }) => cores.node, 2),
    of(({ cores }) => cores.postgres, 2),
    values.redis ? of(({ cores }) => cores.store, 2) : '',
    of(({ cores }) => cores.starved, 2),
    of(({ backlog }) => backlog),
  ]
}

const showProfile = (rate: number, { kinds, batchSizes, loopDelayMs, sinceRead }: Turn): void => {
  const head = ['kind of statement', 'ms per batch', 'per batch', 'ms each']
  const table = new Table({ head, style: { head: [], border: [], compact: true } })
  for (const [kind, { seconds, count }] of [...kinds].sort(([, a], [, b]) => b.seconds - a.seconds)) {
    const batches = batchSizes.length
    const ms = seconds * 1_000
    table.push([kind, (ms / batches).toFixed(2), (count / batches).toFixed(2), (ms / count).toFixed(2)])
  }
  console.log(
    `${rate} events/s, first turn: ${batchSizes.length} batches, an entry that is read is committed after ${mean(sinceRead).toFixed(1)} ms on ` +
      `average; the event loop is late by ${loopDelayMs.toFixed(1)} ms (p99)`,
  )
  console.log(table.toString())
}

const keepsUp = (rate: number, turns: readonly Turn[]): boolean =>
  turns.every(({ backlog }) => backlog <= rate * BACKLOG_SECONDS)

const seconds = Number(values.seconds) + WARM_UP_SECONDS
const rates = values.rate.split(',').map(Number)
const most = Math.max(...rates) * seconds
const prepared = await entriesApart(most, Math.ceil(most / ENTRIES_PER_ACCOUNT), '7')
const table = new Table({ head: HEAD, style: { head: [], border: [] } })
const late: number[] = []
for (const rate of rates) {
  const turns: Turn[] = []
  for (let turn = 0; turn < Number(values.turns); turn++) {
    const entries = prepared.slice(0, rate * seconds)
    turns.push(await withDatabase((pool) => measure(pool, entries, rate), { max: POOL_SIZE }))
  }
  table.push([...lineOf(rate, turns)])
  if (values.profile && turns[0]) showProfile(rate, turns[0])
  if (!keepsUp(rate, turns)) late.push(rate)
}
console.log(
  `${values.redis ? 'Redis' : 'the embedded log'}, ${values.seconds} s at each rate, ${values.turns} turns, medians`,
)
console.log(table.toString())
for (const rate of late)
  console.log(
    `at ${rate} events/s it does not keep up: what was not committed a minute later is in no figure`,
  )
process.exit(late.length > 0 ? 3 : 0)
