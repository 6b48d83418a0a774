/**
 * What watching costs: the whole indexer drains a stream at full speed, embedded stores, while its metrics are scraped over HTTP
 * (padded to 2,000 series), in turn with runs that nobody scrapes. Run: node bench/scrape.ts [--events 20000] [--every 1000]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
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
import type { Fields } from '../src/stream/log.ts'
import { sandboxEntries } from './entries.ts'

const TURNS = 3
const SERIES = 2_000

const { values } = parseArgs({
  options: { events: { type: 'string', default: '20000' }, every: { type: 'string', default: '1000' } },
})

type Run = { readonly perSecond: number; readonly cpuSeconds: number; readonly scrapesMs: readonly number[] }

const scrapeUntil = async (url: string, everyMs: number, signal: AbortSignal): Promise<number[]> => {
  const taken: number[] = []
  while (!signal.aborted) {
    const startedMs = performance.now()
    const series = parseExposition(await (await fetch(url)).text()).length
    taken.push(performance.now() - startedMs)
    if (series < SERIES) throw new Error(`only ${series} series`)
    await sleep(everyMs, signal)
  }
  return taken
}

const drain = async (entries: readonly Fields[], everyMs: number | null): Promise<Run> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(dataDir, { recursive: true, force: true }))
  const log = stack.use(await openEmbeddedLog({ dataDir }))
  const server = await startEmbeddedPostgres({ dataDir: join(dataDir, 'postgres'), logger: silentLogger })
  stack.defer(() => server.stop())
  const pool = await openPool({ url: server.url, max: 8, logger: silentLogger })
  stack.defer(() => pool.close())
  await migrate(pool)
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
  const http = await serveMonitoring({ port: 0, host: '127.0.0.1', registry, source: status })
  stack.defer(() => http.close())
  const stop = new AbortController()
  const cpu = process.cpuUsage()
  const startedMs = performance.now()
  const scrapes =
    everyMs === null ? [] : scrapeUntil(`http://127.0.0.1:${http.port}/metrics`, everyMs, stop.signal)
  const running = service.run(stop.signal)
  while ((await log.streamStats('firehose_live')).length > 0) await sleep(20, stop.signal)
  const seconds = (performance.now() - startedMs) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  stop.abort()
  await running
  return { perSecond: entries.length / seconds, cpuSeconds: (user + system) / 1e6, scrapesMs: await scrapes }
}

const at = (share: number, numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * share))] ?? NaN

const entries = await sandboxEntries(Number(values.events))
const runs = { 'not scraped': [] as Run[], scraped: [] as Run[] }
for (let turn = 0; turn < TURNS; turn++) {
  runs['not scraped'].push(await drain(entries, null))
  runs.scraped.push(await drain(entries, Number(values.every)))
}
const table = new Table({ head: ['', 'events/s', 'node CPU s', 'scrapes', 'scrape p50 ms', 'scrape p99 ms'] })
for (const [name, turns] of Object.entries(runs)) {
  const scrapes = turns.flatMap(({ scrapesMs }) => scrapesMs)
  table.push([
    name,
    Math.round(
      at(
        0.5,
        turns.map(({ perSecond }) => perSecond),
      ),
    ).toLocaleString('en'),
    at(
      0.5,
      turns.map(({ cpuSeconds }) => cpuSeconds),
    ).toFixed(2),
    scrapes.length,
    scrapes.length === 0 ? '' : at(0.5, scrapes).toFixed(1),
    scrapes.length === 0 ? '' : at(0.99, scrapes).toFixed(1),
  ])
}
console.log(`${entries.length} events, a scrape every ${values.every} ms, medians of ${TURNS} runs in turn`)
console.log(table.toString())
