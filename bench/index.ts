/**
 * Events indexed per second: the indexer's whole write path (decode, plan, facts, settle; one indexer with its lanes), against the raw ceiling of
 * the same run: COPY of the very rows it wrote into tables of the same shape with the same indexes; and, where `npm run conformance` has
 * installed it, against the reference's own indexing service. PostgreSQL is the embedded one, durable as in production, and shares the
 * machine. Run: node bench/index.ts [--events 20000] [--batch 500,2000] [--profile] [--reference]
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { startEmbeddedPostgres } from '../src/db/embedded.ts'
import { migrate } from '../src/db/migrate.ts'
import { openPool, type Pool } from '../src/db/pool.ts'
import { APPVIEW, appviewSql, NETWORK_TABLES } from '../src/db/schema/appview.ts'
import { decodeEvent } from '../src/event/codec.ts'
import type { StreamEvent } from '../src/event/event.ts'
import { RecentDids } from '../src/indexer/accounts.ts'
import { applyEvents } from '../src/indexer/apply.ts'
import { LANES, Lanes } from '../src/indexer/lanes.ts'
import { READS } from '../src/indexer/loop.ts'
import { silentLogger } from '../src/lib/logger.ts'
import type { Fields } from '../src/stream/log.ts'
import { sandboxEntries } from './entries.ts'
import { hasReference, indexByReference } from './reference.ts'

const TURNS = 3

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '20000' },
    batch: { type: 'string', default: '500,2000' },
    /** A database of its own for the reference, in every turn. */
    reference: { type: 'boolean' },
    /** Where the time goes, by statement. */
    profile: { type: 'boolean' },
  },
})

const withDatabase = async <T>(work: (pool: Pool, url: string) => Promise<T>): Promise<T> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  const server = await startEmbeddedPostgres({ dataDir: join(dataDir, 'postgres'), logger: silentLogger })
  const pool = await openPool({ url: server.url, max: 4, logger: silentLogger })
  try {
    await migrate(pool)
    return await work(pool, server.url)
  } finally {
    await pool.close()
    await server.stop()
    rmSync(dataDir, { recursive: true, force: true })
  }
}

type Run = {
  readonly perSecond: number
  readonly cpuSeconds: number
  readonly serverSeconds: number
  readonly statements: number
}

const TICKS_PER_SECOND = 100

/** CPU seconds of the server's processes so far, of the ended ones too (Linux). */
const serverCpu = async (pool: Pool): Promise<number> => {
  const { rows } = await pool.query<{ file: string }>({
    text: "select current_setting('data_directory') || '/postmaster.pid' as file",
  })
  const postmaster = readFileSync(rows[0]?.file ?? '', 'utf8').split('\n')[0] ?? ''
  const stat = (pid: string): readonly number[] =>
    readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
      .map(Number)
  const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8').trim().split(' ')
  // utime, stime, cutime, cstime: fields 14 to 17.
  const ticks = [postmaster, ...children].flatMap((pid) => stat(pid).slice(11, 15))
  return ticks.reduce((sum, one) => sum + one, 0) / TICKS_PER_SECOND
}

/** Seconds that statements of a name took, and how many there were. */
const profile = new Map<string, { seconds: number; count: number }>()

const timed = async <T>(name: string, work: Promise<T>): Promise<T> => {
  const startedMs = performance.now()
  const result = await work
  const line = profile.get(name) ?? { seconds: 0, count: 0 }
  profile.set(name, {
    seconds: line.seconds + (performance.now() - startedMs) / 1_000,
    count: line.count + 1,
  })
  return result
}

/** Every statement counted: the deterministic part of the result. */
const counting = (pool: Pool): { pool: Pool; statements: () => number } => {
  let statements = 0
  const counted = (queryable: Pick<Pool, 'query'>): Pick<Pool, 'query'> => ({
    query: (statement) => {
      statements += 1
      return timed(labelOf(statement.text), queryable.query(statement))
    },
  })
  const transaction: Pool['transaction'] = (work, options) =>
    pool.transaction((tx) => {
      statements += 2
      return work(counted(tx))
    }, options)
  return { pool: { ...pool, ...counted(pool), transaction }, statements: () => statements }
}

const labelOf = (text: string): string => text.replaceAll(/\s+/g, ' ').slice(0, 90)

const indexAll = async (pool: Pool, entries: readonly Fields[], batch: number): Promise<Run> => {
  const counter = counting(pool)
  const recent = new RecentDids({ max: 100_000, ttlMs: 3_600_000 })
  const serverBefore = await serverCpu(pool)
  const cpu = process.cpuUsage()
  const start = performance.now()
  const lanes = new Lanes<StreamEvent>({
    keyOf: ({ did }) => did,
    size: batch,
    work: async (events) => {
      await applyEvents({ pool: counter.pool, recent, resolveIdentities: true }, events)
    },
  })
  const reads = new Set<Promise<void>>()
  for (let at = 0; at < entries.length; at += LANES * batch) {
    const events = entries.slice(at, at + LANES * batch).map((fields) => decodeEvent(fields) as StreamEvent)
    const read = lanes.run(events).finally(() => reads.delete(read))
    reads.add(read)
    if (reads.size >= READS) await Promise.race(reads)
  }
  await Promise.all(reads)
  const seconds = (performance.now() - start) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  return {
    perSecond: entries.length / seconds,
    cpuSeconds: (user + system) / 1e6,
    serverSeconds: (await serverCpu(pool)) - serverBefore,
    statements: (counter.statements() / entries.length) * 1_000,
  }
}

/** COPY of the rows just written into a second set of tables; resolves with events per second, for the same events. */
const copyAll = async (pool: Pool, events: number): Promise<number> => {
  await pool.query({ text: 'create schema ceiling' })
  await pool.query({ text: appviewSql('ceiling', 'public').join(';\n') })
  const folder = mkdtempSync(join(tmpdir(), 'millrace-copy-'))
  chmodSync(folder, 0o777)
  const columns = (table: string) =>
    (APPVIEW.tables[table]?.columns ?? [])
      .filter((column) => column.generated === undefined)
      .map(({ name }) => `"${name}"`)
      .join(', ')
  for (const table of NETWORK_TABLES) {
    await pool.query({ text: `copy bsky."${table}" (${columns(table)}) to '${join(folder, table)}'` })
  }
  const start = performance.now()
  await pool.transaction(async (tx) => {
    for (const table of NETWORK_TABLES) {
      await tx.query({ text: `copy ceiling."${table}" (${columns(table)}) from '${join(folder, table)}'` })
    }
  })
  const seconds = (performance.now() - start) / 1_000
  rmSync(folder, { recursive: true, force: true })
  return events / seconds
}

const median = (numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[numbers.length >> 1] ?? 0

const entries = await sandboxEntries(Number(values.events))
if (values.reference === true && !hasReference()) {
  console.error('the reference is not installed: run `npm run conformance` first')
  process.exit(69)
}
const table = new Table({
  head: [
    'batch',
    'events/s',
    'COPY of the rows, events/s',
    'share of the ceiling',
    'node CPU s',
    "PostgreSQL's CPU s",
    'statements / 1,000 events',
    'the reference, events/s',
    'times the reference',
  ],
})
for (const batch of values.batch.split(',').map(Number)) {
  const runs: Run[] = []
  const ceilings: number[] = []
  const references: number[] = []
  for (let turn = 0; turn < TURNS; turn++) {
    await withDatabase(async (pool) => {
      runs.push(await indexAll(pool, entries, batch))
      ceilings.push(await copyAll(pool, entries.length))
    })
    if (values.reference !== true) continue
    const events = entries.map((fields) => decodeEvent(fields) as StreamEvent)
    references.push(await withDatabase((pool, url) => indexByReference(pool, url, events)))
  }
  const own = median(runs.map(({ perSecond }) => perSecond))
  const ceiling = median(ceilings)
  table.push([
    batch,
    Math.round(own).toLocaleString('en'),
    Math.round(ceiling).toLocaleString('en'),
    `${Math.round((own / ceiling) * 100)} %`,
    median(runs.map(({ cpuSeconds }) => cpuSeconds)).toFixed(2),
    median(runs.map(({ serverSeconds }) => serverSeconds)).toFixed(2),
    Math.round(median(runs.map(({ statements }) => statements))),
    ...(references.length === 0
      ? ['', '']
      : [Math.round(median(references)).toLocaleString('en'), (own / median(references)).toFixed(1)]),
  ])
}
console.log(`${entries.length} events, medians of ${TURNS} runs in turn`)
console.log(table.toString())
if (values.profile === true) {
  const lines = [...profile].sort(([, a], [, b]) => b.seconds - a.seconds).slice(0, 25)
  const shown = new Table({ head: ['s', 'statements', 'text'] })
  for (const [text, { seconds, count }] of lines) shown.push([seconds.toFixed(2), count, text])
  console.log(shown.toString())
}
