/**
 * One process with everything in one folder, killed with -9 in the middle of its work: its streams, its PostgreSQL and its
 * cursors are there again at the next start, and the tables end equal to the truth.
 */
import assert from 'node:assert/strict'
import { readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startEmbeddedPostgres } from '../../src/db/embedded.ts'
import { openPool, type Pool } from '../../src/db/pool.ts'
import { silentLogger } from '../../src/lib/logger.ts'
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts'
import { openEmbeddedLog } from '../../src/stream/embedded/index.ts'
import { temporaryFolder } from '../harness/servers.ts'
import { freePort, needs } from '../harness/services.ts'
import { chances } from './chances.ts'
import { differences, drift } from './oracle.ts'
import { anyPort, identities, portsOf, Restartable, upstreams } from './programs.ts'
import { backlog, backlogAt, deadLetters } from './settled.ts'
import { until } from './until.ts'

const RECORDS = 3_000
const KILLS = 2

/** A look into the database of a process that may be killed at any time: null when it is not there. */
const glance = async <T>(url: string, look: (pool: Pool) => Promise<T>): Promise<T | null> => {
  const pool = await openPool({ url, max: 1, connectTimeoutMs: 2_000, logger: silentLogger }).catch(
    () => null,
  )
  try {
    return pool === null ? null : await look(pool)
  } catch {
    return null
  } finally {
    await pool?.close()
  }
}

const countRecords = async (pool: Pool): Promise<number> =>
  (await pool.query<{ n: number }>({ text: 'SELECT count(*)::int AS n FROM bsky.record' })).rows[0]?.n ?? 0

const passwordIn = (data: string): string => readFileSync(join(data, 'postgres', 'password'), 'utf8').trim()

const openUp = async (network: Sandbox, data: string) => {
  const port = await freePort()
  const program = new Restartable([
    'up',
    ...['--data', data, '--database-port', String(port)],
    ...upstreams(network),
    ...identities(network),
    ...anyPort('ingester', 'backfiller', 'indexer'),
    ...['--backfiller-concurrency', '4', '--indexer-batch-size', '50'],
  ])
  await program.serving
  return { program, url: `postgresql://millrace:${passwordIn(data)}@127.0.0.1:${port}/millrace` }
}

/** What the folder holds after the process has ended, opened as the next start would. */
const inspect = async (data: string, network: Sandbox): Promise<void> => {
  await using stack = new AsyncDisposableStack()
  const log = stack.use(await openEmbeddedLog({ dataDir: join(data, 'streams') }))
  assert.equal(log.recovered, false, 'a graceful stop leaves nothing to recover')
  assert.deepEqual(await deadLetters(log), [])
  assert.equal(await backlog(log), 0)
  const server = await startEmbeddedPostgres({ dataDir: join(data, 'postgres'), logger: silentLogger })
  stack.defer(() => server.stop())
  const pool = await openPool({ url: server.url, max: 2, logger: silentLogger })
  stack.defer(() => pool.close())
  assert.deepEqual(await differences(pool, network.truth()), [])
  assert.deepEqual(await drift(pool), [])
}

test(
  '`up` on embedded stores, killed -9 twice, goes on in the same folder and ends equal to the truth',
  needs('pg'),
  async (t) => {
    const random = chances((text) => t.diagnostic(text))
    await using stack = new AsyncDisposableStack()
    const data = temporaryFolder('up')
    stack.defer(() => rmSync(data, { recursive: true, force: true, maxRetries: 5 }))
    const network = await startSandbox({
      seed: random.seed,
      accounts: 60,
      records: RECORDS,
      ratePerSecond: 150,
    })
    stack.defer(() => network.close())
    const { program, url } = await openUp(network, data)
    stack.use(program)
    const cluster = statSync(join(data, 'postgres', 'cluster')).ino
    for (const moment of random.moments(KILLS)) {
      const reached = () =>
        glance(url, countRecords).then((n) => ((n ?? 0) >= moment * RECORDS ? true : null))
      await until(`${moment} of the records are indexed`, reached, { everyMs: 200 })
      t.diagnostic(`kill -9 at ${moment.toFixed(2)} of the records`)
      await program.killAndRestart()
    }
    await network.done
    let seen: unknown = null
    const isEqual = async () => {
      seen = await glance(url, (pool) => differences(pool, network.truth()))
      return Array.isArray(seen) && seen.length === 0 ? true : null
    }
    await until('the tables equal the truth', isEqual, { why: () => seen, everyMs: 500 })
    const { indexer } = await portsOf(program.running)
    await until('the streams are drained', async () => ((await backlogAt(indexer)) === 0 ? true : null))
    await program.stop()
    assert.equal(statSync(join(data, 'postgres', 'cluster')).ino, cluster, 'the same PostgreSQL to the end')
    await inspect(data, network)
  },
)
