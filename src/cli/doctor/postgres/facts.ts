/** What a PostgreSQL says of itself, and how its tables differ from what statements count on. Sends nothing but SELECT. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { CLUSTER_USER, clusterPath } from '../../../db/cluster.ts'
import { verify } from '../../../db/migrate.ts'
import { openPool, type Pool } from '../../../db/pool.ts'
import { silentLogger } from '../../../lib/logger.ts'
import * as sql from './queries.ts'

export type SequenceFacts = { readonly name: string; readonly type: string; readonly used: number }
export type TableFacts = {
  readonly name: string
  readonly live: number
  readonly dead: number
  readonly vacuumed: string | null
}
export type SessionFacts = {
  readonly pid: number
  readonly state: string
  readonly seconds: number
  readonly who: string
}

export type DatabaseFacts = {
  readonly version: string
  readonly settings: Readonly<Record<string, string>>
  readonly connections: { readonly all: number; readonly ours: number }
  readonly oldest: readonly SessionFacts[]
  readonly differences: readonly string[]
  readonly invalidIndexes: readonly string[]
  readonly sequences: readonly SequenceFacts[]
  readonly tables: readonly TableFacts[]
  readonly sizeBytes: number
  /** Transactions of the oldest row that is not frozen; 2 billion end the server. */
  readonly age: number
  /** Replication slots that nobody reads, with the bytes of log they keep; null when it may not be asked. */
  readonly idleSlots: readonly { readonly name: string; readonly bytes: number }[]
  readonly clockSkewSeconds: number
  readonly isReplica: boolean
}

/** The database of an `up` that runs on this folder: its port and password stand in files. Null when none runs. */
export const embeddedUrl = async (dataFolder: string | null): Promise<string | null> => {
  if (dataFolder === null) return null
  const folder = join(dataFolder, 'postgres')
  try {
    const pidFile = await readFile(join(clusterPath(folder), 'postmaster.pid'), 'utf8')
    const password = (await readFile(join(folder, 'password'), 'utf8')).trim()
    const port = pidFile.split('\n')[3]?.trim() ?? ''
    return `postgresql://${CLUSTER_USER}:${password}@127.0.0.1:${port}/${CLUSTER_USER}`
  } catch {
    return null
  }
}

export type DatabaseAsked = { readonly url: string; readonly schema: string; readonly timeoutMs: number }

/** Errors: SetupError (unreachable, refused, too old). */
export const readDatabase = async ({ url, schema, timeoutMs }: DatabaseAsked): Promise<DatabaseFacts> => {
  const pool = await openPool({
    url,
    schema,
    max: 2,
    connectTimeoutMs: timeoutMs,
    statementTimeoutMs: timeoutMs,
    prepare: false,
    logger: silentLogger,
  })
  try {
    return { ...(await readServer(pool)), ...(await readTables(pool, schema)) }
  } finally {
    await pool.close()
  }
}

const rows = async <R>(pool: Pool, text: string, values: readonly unknown[] = []): Promise<readonly R[]> =>
  (await pool.query<R>({ text, values })).rows

const readServer = async (pool: Pool) => {
  const askedMs = Date.now()
  const [now] = await rows<{ at: number; version: string; replica: boolean }>(pool, sql.NOW)
  const skew = (now?.at ?? 0) - (askedMs + Date.now()) / 2_000
  const settings = await rows<{ name: string; setting: string }>(pool, sql.SETTINGS)
  const [connections] = await rows<DatabaseFacts['connections']>(pool, sql.CONNECTIONS)
  return {
    version: now?.version ?? '',
    isReplica: now?.replica ?? false,
    clockSkewSeconds: skew,
    settings: Object.fromEntries(settings.map(({ name, setting }) => [name, setting])),
    connections: connections ?? { all: 0, ours: 0 },
    oldest: await rows<SessionFacts>(pool, sql.OLDEST),
    idleSlots: await rows<{ name: string; bytes: number }>(pool, sql.SLOTS).catch(() => []),
  }
}

const readTables = async (pool: Pool, schema: string) => {
  const [size] = await rows<{ bytes: number; age: number }>(pool, sql.SIZE)
  const invalid = await rows<{ name: string }>(pool, sql.INVALID_INDEXES, [schema])
  return {
    differences: await verify(pool, { schema }),
    invalidIndexes: invalid.map(({ name }) => name),
    sequences: await rows<SequenceFacts>(pool, sql.SEQUENCES, [schema]),
    tables: await rows<TableFacts>(pool, sql.TABLES, [schema]),
    sizeBytes: size?.bytes ?? 0,
    age: size?.age ?? 0,
  }
}
