/**
 * What watching costs: the whole indexer drains a stream at full speed, embedded stores, a process of its own for every turn:
 * without counting (the client's counters do nothing), counting, and scraped over HTTP by another process besides (padded to 2,000
 * series). Run: node bench/scrape.ts [--events 20000] [--every 250] [--turns 5]
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { Counter, Gauge, Histogram } from '@prometheus-io/client'
import Table from 'cli-table3'
import { startEmbeddedPostgres } from '../src/db/embedded.ts'
import { migrate } from '../src/db/migrate.ts'
import { openPool } from '../src/db/pool.ts'
import { createIndexer } from '../src/indexer/index.ts'
import { sleep } from '../src/lib/backoff.ts'
import { silentLogger } from '../src/lib/logger.ts'
import { parseExposition } from '../src/monitoring/exposition.ts'
import { serveMonitoring } from '../src/monitoring/http.ts'
import { registerMetrics } from '../src/monitoring/metrics.ts'
import { openEmbeddedLog } from '../src/stream/embedded/index.ts'
import { sandboxEntries } from './entries.ts'

const SERIES = 2_000
const MANNERS = ['not counted', 'counted', 'scraped'] as const
type Manner = (typeof MANNERS)[number]

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '20000' },
    every: { type: 'string', default: '250' },
    turns: { type: 'string', default: '5' },
    /** Internal: the process of one turn. */
    turn: { type: 'string' },
  },
})

type Turn = { readonly perSecond: number; readonly cpuSeconds: number }
type Result = Turn & { readonly scrapesMs: readonly number[] }

const countNothing = (): void => {
  const nothing = () => {}
  Object.assign(Counter.prototype, { inc: nothing })
  Object.assign(Gauge.prototype, { inc: nothing, dec: nothing, set: nothing })
  Object.assign(Histogram.prototype, { observe: nothing })
}

/** The process of one turn: says where it is scraped, waits for a line, drains, says how it went, waits for another. */
const drain = async (manner: Manner): Promise<void> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(dataDir, { recursive: true, force: true }))
  const log = stack.use(await openEmbeddedLog({ dataDir }))
  const server = await startEmbeddedPostgres({ dataDir: join(dataDir, 'postgres'), logger: silentLogger })
  stack.defer(() => server.stop())
  const pool = await openPool({ url: server.url, max: 8, logger: silentLogger })
  stack.defer(() => pool.close())
  await migrate(pool)
  const entries = await sandboxEntries(Number(values.events))
  for (let at = 0; at < entries.length; at += 500)
    await log.append('firehose_live', entries.slice(at, at + 500))
  const { service, registry, status } = createIndexer({
    log,
    pool,
    logger: silentLogger,
    version: '0.0.0',
    mode: 'stream',
    group: 'firehose_group',
    consumer: 'bench',
    batchSize: 2_000,
  })
  registerMetrics(registry, {
    padding: {
      name: 'bench_padding',
      type: 'gauge',
      help: 'Fills the scrape up to its budget.',
      cause: 'none',
      labels: { n: Array.from({ length: SERIES }, (_, i) => String(i)) },
    },
  })
  if (manner === 'not counted') countNothing()
  const http = await serveMonitoring({ port: 0, host: '127.0.0.1', registry, source: status })
  stack.defer(() => http.close())
  console.log(`http://127.0.0.1:${http.port}/metrics`)
  await once(process.stdin, 'data')
  const stop = new AbortController()
  const cpu = process.cpuUsage()
  const startedMs = performance.now()
  const running = service.run(stop.signal)
  while ((await log.streamStats('firehose_live')).length > 0) await sleep(20, stop.signal)
  const seconds = (performance.now() - startedMs) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  stop.abort()
  await running
  const result: Turn = { perSecond: entries.length / seconds, cpuSeconds: (user + system) / 1e6 }
  console.log(JSON.stringify(result))
  await once(process.stdin, 'data')
  process.stdin.destroy()
}

/** What Prometheus sends. */
const HEADERS = { 'X-Prometheus-Scrape-Timeout-Seconds': '10' }

const scrapeUntil = async (url: string, signal: AbortSignal): Promise<number[]> => {
  const taken: number[] = []
  while (!signal.aborted) {
    const startedMs = performance.now()
    const body = await (await fetch(url, { headers: HEADERS })).text()
    taken.push(performance.now() - startedMs)
    const series = parseExposition(body).length
    if (series < SERIES) throw new Error(`only ${series} series`)
    await sleep(Number(values.every), signal)
  }
  return taken
}

const linesOf = async function* (child: ChildProcess): AsyncGenerator<string> {
  if (child.stdout) yield* createInterface({ input: child.stdout })
}

const take = async (manner: Manner): Promise<Result> => {
  const args = [import.meta.filename, '--turn', manner, '--events', values.events]
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = linesOf(child)
  const url = String((await lines.next()).value)
  const over = new AbortController()
  // As in a fleet: it is not the first time that it is scraped.
  if (manner === 'scraped') await (await fetch(url, { headers: HEADERS })).text()
  const scrapes = manner === 'scraped' ? scrapeUntil(url, over.signal) : []
  child.stdin?.write('go\n')
  const turn = JSON.parse(String((await lines.next()).value)) as Turn
  over.abort()
  const scrapesMs = await scrapes
  child.stdin?.write('end\n')
  await once(child, 'exit')
  return { ...turn, scrapesMs }
}

const at = (share: number, numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * share))] ?? NaN
const median = (numbers: readonly number[]): number => at(0.5, numbers)

const compare = async (): Promise<void> => {
  const results = new Map<Manner, Result[]>(MANNERS.map((manner) => [manner, []]))
  for (let turn = 0; turn < Number(values.turns); turn++) {
    for (const manner of MANNERS) results.get(manner)?.push(await take(manner))
  }
  const base = results.get('not counted') ?? []
  const ratio = (turns: readonly Result[], of: (turn: Turn) => number) =>
    median(turns.map((turn, i) => of(turn) / of(base[i] ?? turn))).toFixed(3)
  const head = ['', 'events/s', 'of not counted', 'CPU s', 'of not counted', 'scrapes', 'p50 ms', 'p99 ms']
  const table = new Table({ head, style: { head: [], border: [] } })
  for (const [manner, turns] of results) {
    const scrapes = turns.flatMap(({ scrapesMs }) => scrapesMs)
    table.push([
      manner,
      Math.round(median(turns.map(({ perSecond }) => perSecond))).toLocaleString('en'),
      ratio(turns, ({ perSecond }) => perSecond),
      median(turns.map(({ cpuSeconds }) => cpuSeconds)).toFixed(2),
      ratio(turns, ({ cpuSeconds }) => cpuSeconds),
      scrapes.length,
      ...(scrapes.length === 0 ? ['', ''] : [median(scrapes).toFixed(1), at(0.99, scrapes).toFixed(1)]),
    ])
  }
  console.log(
    `${values.events} events, a scrape every ${values.every} ms, ${values.turns} turns of each, medians`,
  )
  console.log(table.toString())
}

if (values.turn === undefined) await compare()
else await drain(values.turn as Manner)
