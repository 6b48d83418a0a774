/** A PostgreSQL server of the drills' own, that can be crashed and comes back on the same port with the same data. */
import { rmSync } from 'node:fs'
import { startEmbeddedPostgres, type EmbeddedPostgres } from '../../src/db/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'
import { openPool } from '../../src/db/pool.ts'
import { silentLogger } from '../../src/lib/logger.ts'
import pg from 'pg'
import { temporaryFolder } from '../harness/servers.ts'
import { freePort } from '../harness/services.ts'

export type Database = AsyncDisposable & {
  readonly url: string
  readonly version: string
  /** A session of ours, with which to lock, to hold and to look; the caller ends it. */
  connect(): Promise<pg.Client>
  /** One statement in a session of its own. */
  query<Row extends pg.QueryResultRow>(text: string): Promise<Row[]>
  /** As after a power cut: every session is gone, nothing is written, recovery follows at the start. */
  crash(): Promise<void>
  start(): Promise<void>
}

/** Few connections, so that a drill can take them all. */
const SETTINGS = { fsync: 'off', synchronous_commit: 'off', max_connections: '40', shared_buffers: '64MB' }

const connectTo = async (url: string): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  return client
}

const queryAt = async <Row extends pg.QueryResultRow>(url: string, text: string): Promise<Row[]> => {
  const client = await connectTo(url)
  try {
    return (await client.query<Row>(text)).rows
  } finally {
    await client.end()
  }
}

const migrateAt = async (url: string): Promise<void> => {
  const pool = await openPool({ url, max: 2, logger: silentLogger })
  try {
    await migrate(pool)
  } finally {
    await pool.close()
  }
}

export const startDatabase = async (
  settings: Readonly<Record<string, string>> = SETTINGS,
): Promise<Database> => {
  const dataDir = temporaryFolder('drill-postgres')
  const port = await freePort()
  const start = (): Promise<EmbeddedPostgres> =>
    startEmbeddedPostgres({ dataDir, port, logger: silentLogger, settings })
  let server = await start()
  const { url } = server
  await migrateAt(url)
  const [row] = await queryAt<{ server_version: string }>(url, 'SHOW server_version')
  return {
    url,
    version: row?.server_version ?? '',
    connect: () => connectTo(url),
    query: (text) => queryAt(url, text),
    crash: async () => {
      process.kill(server.pid, 'SIGQUIT')
      await server.stop()
    },
    start: async () => {
      server = await start()
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop()
      rmSync(dataDir, { recursive: true, force: true, maxRetries: 5 })
    },
  }
}
