/**
 * The fleet: five processes on a real Redis and a real PostgreSQL, each killed with -9 in the middle of its work. Three indexers
 * share the streams; one of them does not return, and the others take over what it held. What the tables hold at the end is what
 * the network says is true.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { migrate } from '../../src/db/migrate.ts'
import { openPool, type Pool } from '../../src/db/pool.ts'
import { silentLogger } from '../../src/lib/logger.ts'
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts'
import { openRedisLog } from '../../src/stream/redis/index.ts'
import { rawRedis } from '../contract/raw-redis.ts'
import { freshDatabase, freshRedis, needs } from '../harness/services.ts'
import { chances, type Chances } from './chances.ts'
import { Indexer } from './indexers.ts'
import { differences, drift } from './oracle.ts'
import { anyPort, identities, Restartable, upstreams } from './programs.ts'
import { backlog, deadLetters } from './settled.ts'
import { until } from './until.ts'

const ACCOUNTS = 80
const BACKFILLED = 2_000
/** Events that are streamed in the course of the kills; the network goes on until the last of them is past. */
const LIVE = 1_500
const WITHOUT_END = 100_000
const INDEXERS = ['indexer_1', 'indexer_2', 'indexer_3']
const KILLS = 2

/** Slow enough that nobody is done before it is killed. */
const openNetwork = (seed: string): Promise<Sandbox> =>
  startSandbox({
    seed,
    accounts: ACCOUNTS,
    records: WITHOUT_END,
    backfillShare: BACKFILLED / WITHOUT_END,
    ratePerSecond: 100,
    pdses: 2,
    faults: [{ kind: 'slow_car', bytesPerSecond: 80_000 }],
  })

const openStores = async (stack: AsyncDisposableStack) => {
  const server = stack.use(await freshRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] }))
  const database = stack.use(await freshDatabase())
  const log = stack.use(await openRedisLog({ url: server.url, logger: silentLogger }))
  const raw = stack.use(await rawRedis(server.url))
  const pool = await openPool({ url: database.url, max: 2, logger: silentLogger })
  stack.defer(() => pool.close())
  await migrate(pool)
  return { redis: ['--redis-url', server.url], database: ['--database-url', database.url], log, raw, pool }
}

type Stores = Awaited<ReturnType<typeof openStores>>

const startFleet = (stack: AsyncDisposableStack, network: Sandbox, { redis, database }: Stores) => {
  const run = (args: string[]): Restartable => stack.use(new Restartable(args))
  const indexer = [
    'indexer',
    ...redis,
    ...database,
    ...identities(network),
    ...anyPort('indexer'),
    // Below what the ingester appends at once: an append is shared by those that wait for it.
    ...['--indexer-batch-size', '30'],
  ]
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
    indexers: INDEXERS.map((name) => stack.use(new Indexer(name, indexer))),
  }
}

type Fleet = ReturnType<typeof startFleet>

/** How far each service has come, from 0 to 1: its kills happen in the course of its own work. */
const courses = (network: Sandbox, pool: Pool) => {
  const count = async (text: string): Promise<number> =>
    (await pool.query<{ n: number }>({ text })).rows[0]?.n ?? 0
  return {
    ingester: async () => {
      const { events } = (await (await fetch(network.controlUrl)).json()) as { events: number }
      return events / LIVE
    },
    backfiller: async () => (await count('SELECT count(*)::int AS n FROM bsky.actor_sync')) / ACCOUNTS,
    indexer: async () => (await count('SELECT count(*)::int AS n FROM bsky.record')) / (BACKFILLED + LIVE),
  }
}

type Plan = {
  readonly name: string
  readonly course: () => Promise<number>
  readonly moments: readonly number[]
  readonly kill: () => Promise<void>
}

const plansOf = (
  { ingester, backfiller, indexers }: Fleet,
  course: ReturnType<typeof courses>,
  random: Chances,
): Plan[] => {
  const plan = (name: string, program: Restartable | Indexer, course: Plan['course']): Plan => ({
    name,
    course,
    moments: random.moments(KILLS),
    kill: () => program.killAndRestart(),
  })
  return [
    plan('ingester', ingester, course.ingester),
    plan('backfiller', backfiller, course.backfiller),
    ...indexers.map((indexer) => plan(indexer.name, indexer, course.indexer)),
  ]
}

const follow = async (
  { name, course, moments, kill }: Plan,
  killLast: () => Promise<void>,
): Promise<void> => {
  for (const [i, moment] of moments.entries()) {
    await until(`${name} has come to ${moment}`, async () => ((await course()) >= moment ? true : null))
    await (i === moments.length - 1 ? killLast() : kill())
  }
}

/** Everyone returns but the leaver. Resolves when all that do are back. */
const killAll = async (
  plans: readonly Plan[],
  leaver: Indexer,
  { log, raw }: Stores,
  say: (text: string) => void,
): Promise<void> => {
  for (const { name, moments } of plans)
    say(`kill -9 of ${name} at ${moments.map((m) => m.toFixed(2)).join(', ')}`)
  const leave = async () =>
    say(`${leaver.name} left ${await leaver.leave(log, raw)} entries and is not coming back`)
  await Promise.all(plans.map((plan) => follow(plan, plan.name === leaver.name ? leave : plan.kill)))
}

/** What a killed indexer was looking up is leased to it for a minute; as with the five of its entries, nobody waits for it here. */
const endLeases = (pool: Pool) => pool.query({ text: 'UPDATE millrace.identity_work SET due = now()' })

const settle = async ({ log, pool }: Stores, network: Sandbox): Promise<void> => {
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
}

test(
  'an ingester, a backfiller and three indexers, each killed -9 twice, one indexer for good, end with tables that equal the truth, and stop with exit code 0',
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
    const { ingester, backfiller, indexers } = fleet
    const leaver = random.pick(indexers)
    await killAll(plansOf(fleet, courses(network, pool), random), leaver, stores, say)
    const remaining = indexers.filter((indexer) => indexer !== leaver)
    for (const indexer of remaining) await indexer.works()
    network.setRate(0)
    network.setFault('slow_car', null)
    await endLeases(pool)
    await until('the others have taken over what it left', async () =>
      (await leaver.held(log)) === 0 ? true : null,
    )
    await settle(stores, network)
    for (const { name, processed } of indexers) say(`${name} processed at least ${processed} events`)
    for (const program of [ingester, backfiller, ...remaining]) await program.stop()
    assert.deepEqual(await deadLetters(log), [])
    assert.equal(await backlog(log), 0)
    assert.deepEqual(await differences(pool, network.truth()), [])
    assert.deepEqual(await drift(pool), [])
  },
)
