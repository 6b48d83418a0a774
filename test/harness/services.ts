/**
 * Everything a test may ask for. Under `npm test` one Redis and one PostgreSQL serve all files (their addresses come by
 * environment); a file run by itself (`node --test file`) starts private ones on first use, which end with its process.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import type { Program } from './binaries.ts'
import { findProgram } from './binaries.ts'
import type { RedisOptions, RedisServer, Server } from './servers.ts'
import { startPostgres, startRedis } from './servers.ts'

export { fixturesDir, needs } from './needs.ts'
export { freePort } from './servers.ts'

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

/** A new, empty database in the shared server; dropped on dispose, with whoever is still connected. */
export const freshDatabase = async (): Promise<FreshDatabase> => {
  const admin = await postgresUrl()
  const name = `t_${randomBytes(6).toString('hex')}`
  await asAdmin(admin, (client) => client.query(`CREATE DATABASE ${name}`))
  const url = new URL(admin)
  url.pathname = `/${name}`
  return {
    url: url.href,
    name,
    [Symbol.asyncDispose]: async () => {
      await asAdmin(admin, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))
    },
  }
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
export const chromiumBinary = (): Promise<string> => binary('chromium')
