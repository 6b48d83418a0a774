/**
 * The fleet: three processes on a real Redis and a real PostgreSQL, each killed with -9 in the middle of its work. What the
 * tables hold at the end is what the network says is true.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { migrate } from '../../src/db/migrate.ts'
import { openPool, type Pool } from '../../src/db/pool.ts'
import { silentLogger } from '../../src/lib/logger.ts'
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts'
import { openRedisLog } from '../../src/stream/redis/index.ts'
import { freshDatabase, freshRedis, needs } from '../harness/services.ts'
import { chances, type Chances } from './chances.ts'
import { differences, drift } from './oracle.ts'
import { anyPort, identities, Restartable, upstreams } from './programs.ts'
import { backlog, deadLetters } from './settled.ts'
import { until } from './until.ts'

const ACCOUNTS = 80
const RECORDS = 4_000
const KILLS = 2

/** Slow enough that nobody is done before it is killed. */
const openNetwork = (seed: string): Promise<Sandbox> =>
  startSandbox({
    seed,
    accounts: ACCOUNTS,
    records: RECORDS,
    ratePerSecond: 150,
    pdses: 2,
    faults: [{ kind: 'slow_car', bytesPerSecond: 80_000 }],
  })

const openStores = async (stack: AsyncDisposableStack) => {
  const redis = stack.use(await freshRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] }))
  const database = stack.use(await freshDatabase())
  const log = stack.use(await openRedisLog({ url: redis.url, logger: silentLogger }))
  const pool = await openPool({ url: database.url, max: 2, logger: silentLogger })
  stack.defer(() => pool.close())
  await migrate(pool)
  return { redis: ['--redis-url', redis.url], database: ['--database-url', database.url], log, pool }
}

const startFleet = (
  stack: AsyncDisposableStack,
  network: Sandbox,
  stores: Awaited<ReturnType<typeof openStores>>,
) => {
  const { redis, database } = stores
  const run = (args: string[]): Restartable => stack.use(new Restartable(args))
  return {
    ingester: run([
      'ingester',
      ...redis,
      ...upstreams(network),
      ...anyPort('ingester'),
      '--ingester-batch-size',
      '50',
    ]),
    backfiller: run([
      'backfiller',
      ...redis,
      ...identities(network, false),
      ...anyPort('backfiller'),
      ...['--backfiller-concurrency', '4', '--backfiller-batch-size', '20'],
    ]),
    indexer: run([
      'indexer',
      ...redis,
      ...database,
      ...identities(network),
      ...anyPort('indexer'),
      '--indexer-batch-size',
      '50',
    ]),
  }
}

/** How far each service has come, from 0 to 1: its kills happen in the course of its own work. */
const courses = (network: Sandbox, pool: Pool) => {
  const count = async (text: string): Promise<number> =>
    (await pool.query<{ n: number }>({ text })).rows[0]?.n ?? 0
  return {
    ingester: async () => {
      const { events } = (await (await fetch(network.controlUrl)).json()) as { events: number }
      return events / (RECORDS / 2)
    },
    backfiller: async () => (await count('SELECT count(*)::int AS n FROM bsky.actor_sync')) / ACCOUNTS,
    indexer: async () => (await count('SELECT count(*)::int AS n FROM bsky.record')) / RECORDS,
  }
}

const killAt = async (
  name: string,
  program: Restartable,
  course: () => Promise<number>,
  moments: readonly number[],
): Promise<void> => {
  for (const moment of moments) {
    await until(`${name} has come to ${moment}`, async () => ((await course()) >= moment ? true : null))
    await program.killAndRestart()
  }
}

const killAll = async (
  fleet: ReturnType<typeof startFleet>,
  course: ReturnType<typeof courses>,
  random: Chances,
  say: (text: string) => void,
): Promise<void> => {
  const plans = (['ingester', 'backfiller', 'indexer'] as const).map((name) => ({
    name,
    moments: random.moments(KILLS),
  }))
  for (const { name, moments } of plans)
    say(`kill -9 of the ${name} at ${moments.map((m) => m.toFixed(2)).join(', ')}`)
  await Promise.all(plans.map(({ name, moments }) => killAt(name, fleet[name], course[name], moments)))
}

test(
  'three processes, each killed -9 twice, end with tables that equal the truth, and stop with exit code 0',
  needs('redis', 'pg'),
  async (t) => {
    const say = (text: string) => t.diagnostic(text)
    const random = chances(say)
    await using stack = new AsyncDisposableStack()
    const network = await openNetwork(random.seed)
    stack.defer(() => network.close())
    const stores = await openStores(stack)
    const { log, pool } = stores
    const fleet = startFleet(stack, network, stores)
    await killAll(fleet, courses(network, pool), random, say)
    await network.done
    let seen: unknown = null
    await until(
      'the streams are drained and the tables equal the truth',
      async () => {
        const left = await backlog(log)
        seen = left > 0 ? { backlog: left } : await differences(pool, network.truth())
        return Array.isArray(seen) && seen.length === 0 ? true : null
      },
      { why: () => seen, everyMs: 500 },
    )
    for (const program of Object.values(fleet)) await program.stop()
    assert.deepEqual(await deadLetters(log), [])
    assert.equal(await backlog(log), 0)
    assert.deepEqual(await differences(pool, network.truth()), [])
    assert.deepEqual(await drift(pool), [])
  },
)
