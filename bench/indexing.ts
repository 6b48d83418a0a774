/**
 * What the benches of the indexer share: a database of their own, the write path driven as the indexer's loop drives it, and what both
 * sides of the machine spend on it. Measures; prints nothing.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../src/db/embedded.ts'
import { migrate } from '../src/db/migrate.ts'
import { openPool, type Pool } from '../src/db/pool.ts'
import { decodeEvent } from '../src/event/codec.ts'
import type { StreamEvent } from '../src/event/event.ts'
import { RecentDids } from '../src/indexer/accounts.ts'
import { applyEvents } from '../src/indexer/apply.ts'
import { Lanes } from '../src/indexer/lanes.ts'
import { READS } from '../src/indexer/loop.ts'
import { silentLogger } from '../src/lib/logger.ts'
import type { Fields } from '../src/stream/log.ts'

type DatabaseOptions = {
  /** A folder that is kept; otherwise a temporary one. */
  readonly folder?: string | undefined
  /** Connections. */
  readonly max?: number
  /** Of PostgreSQL, over those of the embedded one. */
  readonly settings?: Readonly<Record<string, string>>
  /** The longest a single statement may take. */
  readonly statementTimeoutMs?: number
}

/** An embedded PostgreSQL, durable as in production, with all tables, for as long as the work takes. */
export const withDatabase = async <T>(
  work: (pool: Pool, url: string) => Promise<T>,
  { folder, max = 4, settings = {}, statementTimeoutMs }: DatabaseOptions = {},
): Promise<T> => {
  const dataDir = folder ?? mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  await using stack = new AsyncDisposableStack()
  if (folder === undefined) stack.defer(() => rmSync(dataDir, { recursive: true, force: true }))
  const server = await startEmbeddedPostgres({
    dataDir: join(dataDir, 'postgres'),
    logger: silentLogger,
    settings,
  })
  stack.defer(() => server.stop())
  const bound = statementTimeoutMs === undefined ? {} : { statementTimeoutMs }
  const pool = await openPool({ url: server.url, max, logger: silentLogger, ...bound })
  stack.defer(() => pool.close())
  await migrate(pool)
  return await work(pool, server.url)
}

export type Run = {
  readonly perSecond: number
  readonly seconds: number
  readonly cpuSeconds: number
  readonly serverSeconds: number
  readonly statements: number
}

const TICKS_PER_SECOND = 100

/** CPU seconds of a process and of its ended children so far (Linux). */
export const cpuOf = (pid: string | number): number => {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
    .map(Number)
  // utime, stime, cutime, cstime: fields 14 to 17.
  return fields.slice(11, 15).reduce((sum, ticks) => sum + ticks, 0) / TICKS_PER_SECOND
}

/** CPU seconds of the server's processes so far, of the ended ones too. */
export const serverCpu = async (pool: Pool): Promise<number> => {
  const { rows } = await pool.query<{ file: string }>({
    text: "select current_setting('data_directory') || '/postmaster.pid' as file",
  })
  const postmaster = readFileSync(rows[0]?.file ?? '', 'utf8').split('\n')[0] ?? ''
  const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, 'utf8').trim().split(' ')
  // The postmaster last: whoever ends meanwhile is among its ended children by then.
  return [...children, postmaster].reduce(
    (sum, pid) => sum + (existsSync(`/proc/${pid}`) ? cpuOf(pid) : 0),
    0,
  )
}

/** Seconds that statements of a text took, and how many there were. */
export const profile = new Map<string, { seconds: number; count: number }>()

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

const labelOf = (text: string): string => text.replaceAll(/\s+/g, ' ').slice(0, 90)

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
  const flush = () => {
    statements += 1
    return timed('flush', pool.flush())
  }
  return { pool: { ...pool, ...counted(pool), transaction, flush }, statements: () => statements }
}

/** Dealt out to lanes, with as many reads in hand, as the indexer's loop does it; at most `batch` events per transaction. */
export const indexAll = async (pool: Pool, entries: readonly Fields[], batch: number): Promise<Run> => {
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
  for (let at = 0; at < entries.length; at += batch) {
    const events = entries.slice(at, at + batch).map((fields) => decodeEvent(fields) as StreamEvent)
    const read = lanes.run(events).finally(() => reads.delete(read))
    reads.add(read)
    if (reads.size >= READS) await Promise.race(reads)
  }
  await Promise.all(reads)
  const seconds = (performance.now() - start) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  return {
    perSecond: entries.length / seconds,
    seconds,
    cpuSeconds: (user + system) / 1e6,
    serverSeconds: (await serverCpu(pool)) - serverBefore,
    statements: (counter.statements() / entries.length) * 1_000,
  }
}

/** The number that a share of all is not above. */
export const quantile = (share: number, numbers: readonly number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.min(numbers.length - 1, Math.floor(numbers.length * share))] ?? NaN

export const median = (numbers: readonly number[]): number => quantile(0.5, numbers)
