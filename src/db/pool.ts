/**
 * Connections to PostgreSQL. Owns their number, their bounds in time and the reaction to their errors; knows no table.
 * Guarantees: nothing is sent as a connection's own state (no search_path, no startup parameter but application_name), so a
 * PgBouncer in transaction mode may stand between: statements name their schema themselves. Whether it keeps named statements is
 * found out at the start (pooler.ts).
 *
 * int8 arrives as a number while it is a safe integer; a larger one is an error, never a rounded value: select it `::text`.
 */
import pg from 'pg'
import { EXIT, SetupError } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'
import { Aside } from './aside.ts'
import { Connections } from './connections.ts'
import { findWay, type Way } from './pooler.ts'
import type { PoolObserver, Queryable, Statement, TransactionOptions } from './queryable.ts'
import { sqlState } from './sql-error.ts'

export type { PoolObserver, Queryable, Result, Statement, TransactionOptions } from './queryable.ts'

export type PoolOptions = {
  readonly url: string
  /** Most connections at once. */
  readonly max: number
  /** Where the AppView's tables live; handed to whoever writes SQL. */
  readonly schema?: string
  /** The longest a single statement may take. */
  readonly statementTimeoutMs?: number
  readonly idleTimeoutMs?: number
  /** The longest wait for a connection, be it for the network or for a free one. */
  readonly connectTimeoutMs?: number
  /** Name statements, so that the server parses and plans each once per connection. Absent: where they can be trusted. */
  readonly prepare?: boolean
  readonly logger: Logger
  /** A connection broke while nobody used it. */
  readonly onError?: (error: Error) => void
}

export type PoolStats = {
  readonly size: number
  readonly idle: number
  readonly waiting: number
  readonly max: number
}

export interface Pool extends Queryable {
  readonly schema: string
  /** `work` may run several times: it must have no effect but through the connection it is given. */
  transaction<T>(work: (tx: Queryable) => Promise<T>, options?: TransactionOptions): Promise<T>
  /**
   * Resolves when all that was committed before is durable, deferred or not: PostgreSQL writes its log in order, so a commit that
   * waits for the disk waits for those before it. It has something to write only if it says something: a message that nobody reads.
   */
  flush(): Promise<void>
  /**
   * Reads on a connection that is none of the pool's: one at a time, bounded in time as a whole, and told to no observer.
   * For questions that must be answered while the pool is used up.
   */
  aside<T>(work: (db: Queryable) => Promise<T>, timeoutMs: number): Promise<T>
  /** Tells `observer` from now on, until the function that is returned is called. */
  observe(observer: PoolObserver): () => void
  stats(): PoolStats
  close(): Promise<void>
}

const FLUSH: Statement = {
  name: 'flush',
  text: "SELECT pg_logical_emit_message(true, 'millrace', '')",
  kind: 'commit',
}

const OLDEST_VERSION = 14
const UNNAMED =
  'a pooler before PostgreSQL keeps no named statements: they are sent without names, and planned each time'
/** A server that has stopped answering altogether is given up this long after the statement's own bound. */
const GRACE_MS = 5_000

/** Connects once. Errors: SetupError (not a URL, unreachable, refused, too old). */
export const openPool = async (options: PoolOptions): Promise<Pool> => {
  const statementTimeoutMs = options.statementTimeoutMs ?? 60_000
  const pool = new pg.Pool(connectionConfig(options, statementTimeoutMs))
  pool.on('error', (error) => {
    if (pool.ending) return // we are leaving, and the server was quicker
    options.logger.warn({ err: error.message }, 'an idle PostgreSQL connection broke')
    options.onError?.(error)
  })
  const way = await checkServer(pool, options.url).catch(async (error: unknown) => {
    await pool.end()
    throw error
  })
  if (way === 'pooler_passes_names') options.logger.info(UNNAMED)
  const observers = new Set<PoolObserver>()
  const bounds = { prepare: options.prepare ?? way !== 'pooler_passes_names', statementTimeoutMs }
  const connections = new Connections(pool, { ...bounds, observers })
  const aside = new Aside(connectionConfig(options, statementTimeoutMs))
  return {
    schema: options.schema ?? 'bsky',
    query: (statement) => connections.query(statement),
    transaction: (work, settings) => connections.transaction(work, settings),
    flush: async () => {
      await connections.query(FLUSH)
    },
    aside: (work, timeoutMs) => aside.run(work, timeoutMs),
    observe: (observer) => {
      observers.add(observer)
      return () => observers.delete(observer)
    },
    stats: () => ({
      size: pool.totalCount,
      idle: pool.idleCount,
      waiting: pool.waitingCount,
      max: options.max,
    }),
    close: async () => {
      await Promise.all([pool.end(), aside.close()])
    },
  }
}

const connectionConfig = (options: PoolOptions, statementTimeoutMs: number): pg.PoolConfig => ({
  connectionString: checkUrl(options.url),
  max: options.max,
  application_name: 'millrace',
  keepAlive: true,
  idleTimeoutMillis: options.idleTimeoutMs ?? 30_000,
  connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
  query_timeout: statementTimeoutMs + GRACE_MS,
  types: { getTypeParser },
})

const INT8 = 20

const getTypeParser = ((oid: number, format?: 'text' | 'binary') =>
  oid === INT8 && format !== 'binary'
    ? parseInt8
    : (pg.types.getTypeParser(oid, format) as unknown)) as typeof pg.types.getTypeParser

const parseInt8 = (text: string): number => {
  const value = Number(text)
  if (!Number.isSafeInteger(value))
    throw new RangeError(`int8 ${text} does not fit a number: select it as text`)
  return value
}

const checkUrl = (url: string): string => {
  if (/^postgres(ql)?:\/\//.test(url) && URL.canParse(url)) return url
  throw new SetupError('the database URL is not of the form postgresql://user:password@host:port/database', {
    remedy: 'correct --database-url; characters such as @ or / in a password are written %40, %2F',
    exitCode: EXIT.usage,
  })
}

const checkServer = async (pool: pg.Pool, url: string): Promise<Way> => {
  const { major, way } = await askServer(pool).catch((cause: unknown) => {
    throw startError(url, cause)
  })
  if (major >= OLDEST_VERSION) return way
  throw new SetupError(`${describeTarget(url)} is version ${major}`, {
    remedy: `use PostgreSQL ${OLDEST_VERSION} or newer`,
    exitCode: EXIT.unavailable,
  })
}

const askServer = async (pool: pg.Pool): Promise<{ major: number; way: Way }> => {
  const client = await pool.connect()
  let broken = true
  try {
    const text = "SELECT current_setting('server_version_num') AS version"
    const { rows } = await client.query<{ version: string }>(text)
    const way = await findWay(client)
    broken = false
    return { major: Math.floor(Number(rows[0]?.version) / 10_000), way }
  } finally {
    client.release(broken)
  }
}

/** Host, port and database; never a user's password. */
export const describeTarget = (url: string): string => {
  const { hostname, port, pathname, searchParams } = new URL(url)
  const host = hostname || searchParams.get('host') || 'localhost'
  return `PostgreSQL at ${host}:${port || 5432}, database ${pathname.slice(1) || '(default)'},`
}

const REMEDY: Readonly<Record<string, string>> = {
  '28P01': 'correct user and password in --database-url',
  '28000': 'correct user and password in --database-url, or let the server accept us (pg_hba.conf)',
  '3D000': 'create the database (createdb), or correct its name in --database-url',
  '53300': 'raise max_connections, or lower the number of connections of the clients',
}

const startError = (url: string, cause: unknown): SetupError =>
  new SetupError(`${describeTarget(url)} cannot be used`, {
    remedy: REMEDY[sqlState(cause) ?? ''] ?? 'start it, or correct --database-url',
    exitCode: EXIT.unavailable,
    cause,
  })
