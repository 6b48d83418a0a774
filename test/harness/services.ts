/**
 * Everything a test may ask for. Under `npm test` one Redis and one PostgreSQL serve all files (their addresses come by
 * environment); a file run by itself (`node --test file`) starts private ones on first use, which end with its process.
 */
import { hash, randomBytes } from 'node:crypto'
import pg from 'pg'
import { migrate } from '../../src/db/migrate.ts'
import { openPool } from '../../src/db/pool.ts'
import { appviewSql } from '../../src/db/schema/appview.ts'
import { MIGRATIONS } from '../../src/db/schema/own.ts'
import { silentLogger } from '../../src/lib/logger.ts'
import type { Program } from './binaries.ts'
import { findProgram } from './binaries.ts'
import type { RedisOptions, RedisServer, Server } from './servers.ts'
import { startPostgres, startRedis } from './servers.ts'

export { fixturesDir, needs } from './needs.ts'
export { freePort } from '../../src/db/embedded.ts'

const lazily = (start: () => Promise<Server>): (() => Promise<string>) => {
  let server: Promise<Server> | undefined
  return async () => (await (server ??= start())).url
}

const privateRedis = lazily(startRedis)
const privatePostgres = lazily(startPostgres)

/** A real Redis shared by the whole run: use keys of your own, never FLUSHALL. */
export const redisUrl = async (): Promise<string> => process.env['TEST_REDIS_URL'] ?? (await privateRedis())

/** A Redis of your own: to configure, stop, kill and start again. */
export const freshRedis = async (options: RedisOptions = {}): Promise<RedisServer & AsyncDisposable> => {
  const server = await startRedis(options)
  return { ...server, [Symbol.asyncDispose]: () => server.stop() }
}

/** The shared PostgreSQL server, as a superuser in a database that belongs to nobody. */
export const postgresUrl = async (): Promise<string> =>
  process.env['TEST_POSTGRES_URL'] ?? (await privatePostgres())

export type FreshDatabase = AsyncDisposable & { readonly url: string; readonly name: string }

/**
 * A new database in the shared server, empty or (`migrated`) with all tables as `migrate` makes them in schema `bsky`;
 * dropped on dispose, with whoever is still connected.
 */
export const freshDatabase = async (options: { migrated?: boolean } = {}): Promise<FreshDatabase> => {
  const admin = await postgresUrl()
  const name = `t_${randomBytes(6).toString('hex')}`
  await asAdmin(admin, async (client) => {
    const template = options.migrated ? await ensureTemplate(client, admin) : 'template1'
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${template}`)
  })
  return {
    url: databaseUrl(admin, name),
    name,
    [Symbol.asyncDispose]: async () => {
      await asAdmin(admin, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))
    },
  }
}

const databaseUrl = (admin: string, name: string): string => {
  const url = new URL(admin)
  url.pathname = `/${name}`
  return url.href
}

/** Migrated once per run, then copied; named by its content, so that a server that outlives the run never hands out an old one. */
const ensureTemplate = async (client: pg.Client, admin: string): Promise<string> => {
  const content = JSON.stringify([appviewSql('bsky', 'public'), MIGRATIONS])
  const name = `template_${hash('sha256', content).slice(0, 16)}`
  await client.query('SELECT pg_advisory_lock($1)', [TEMPLATE_LOCK])
  try {
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name])
    if (found.rowCount === 0) await createTemplate(client, admin, name)
    return name
  } finally {
    await client.query('SELECT pg_advisory_unlock($1)', [TEMPLATE_LOCK])
  }
}

const TEMPLATE_LOCK = 7_402_159_332

/** Under a provisional name until it is complete: a run that is killed here leaves no half template. */
const createTemplate = async (client: pg.Client, admin: string, name: string): Promise<void> => {
  await client.query(`DROP DATABASE IF EXISTS ${name}_new WITH (FORCE)`)
  await client.query(`CREATE DATABASE ${name}_new`)
  const pool = await openPool({ url: databaseUrl(admin, `${name}_new`), max: 1, logger: silentLogger })
  try {
    await migrate(pool, { schema: 'bsky' })
  } finally {
    await pool.close()
  }
  await client.query(`ALTER DATABASE ${name}_new RENAME TO ${name}`)
}

const asAdmin = async <T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

const binary = async (program: Program): Promise<string> => {
  const path = findProgram(program)
  if (!path) throw new Error(`${program} is not on this machine; \`npm test\` as root on Debian installs it`)
  return path
}

export const prometheusBinary = (): Promise<string> => binary('prometheus')
export const promtoolBinary = (): Promise<string> => binary('promtool')
export const alertmanagerBinary = (): Promise<string> => binary('alertmanager')
export const amtoolBinary = (): Promise<string> => binary('amtool')
export const redisExporterBinary = (): Promise<string> => binary('redis-exporter')
export const postgresExporterBinary = (): Promise<string> => binary('postgres-exporter')
export const composeBinary = (): Promise<string> => binary('docker-compose')
export const chromiumBinary = (): Promise<string> => binary('chromium')
