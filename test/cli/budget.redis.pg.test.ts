import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createClient } from 'redis'
import { openPool } from '../../src/db/pool.ts'
import { encodeEvent } from '../../src/event/codec.ts'
import { FIREHOSE_LIVE } from '../../src/event/streams.ts'
import { at, create, didOf, ref, timeOf } from '../../src/indexer/testing.ts'
import { silentLogger } from '../../src/lib/logger.ts'
import { openRedisLog } from '../../src/stream/redis/index.ts'
import type { Budget } from '../../src/cli/budget.ts'
import { freePort, freshDatabase, freshRedis } from '../harness/services.ts'
import { start, type Running } from './program.ts'

/** What the program says of itself at its start, once it serves. */
const budgetOf = async (program: Running): Promise<Budget> => {
  await program.says(/metrics, health and console/)
  const lines = program.said().split('\n')
  const told = lines.filter((line) => line.includes('"budget: '))
  assert.equal(told.length, 1, program.said())
  return JSON.parse(told[0] ?? '') as Budget
}

const MIB = 1024 * 1024
const NO_LOOKUPS = { MILLRACE_ENABLE_DID_RESOLUTION: 'false' }

test('an indexer says what it may take, and takes no more connections under load', async () => {
  await using redis = await freshRedis()
  await using database = await freshDatabase({ migrated: true })
  const seer = await openPool({ url: database.url, max: 2, logger: silentLogger })
  const asker = createClient({ url: redis.url })
  await asker.connect()
  await using log = await openRedisLog({ url: redis.url })
  const events = Array.from({ length: 6_000 }, (_, n) => {
    const subject = ref(at(didOf('author'), 'post', `p${n % 50}`))
    return create(n, [didOf('fan'), 'like', `l${n}`], { subject, createdAt: timeOf(n) })
  })
  await log.append(FIREHOSE_LIVE, events.map(encodeEvent))
  const clients = async () => (await asker.sendCommand<string>(['CLIENT', 'LIST'])).trim().split('\n').length
  const own = await clients()
  const port = await freePort()
  const stores = ['--redis-url', redis.url, '--database-url', database.url, '--database-pool-size', '4']
  const more = ['--indexer-batch-size', '100', '--indexer-metrics-port', String(port)]
  await using program = start(['indexer', ...stores, ...more], NO_LOOKUPS)
  const budget = await budgetOf(program)
  assert.equal(budget.postgresConnections, 5)
  const { rows } = await seer.query({ text: "select current_setting('max_connections')::int as max" })
  assert.ok((budget.postgresConnectionsLimit ?? NaN) <= Number(rows[0]?.['max']))
  assert.equal(budget.redisConnections, 4)
  assert.equal(budget.bytes['indexerBatches'], 3 * 2 * 16 * MIB)
  const open = {
    text: "select pid from pg_stat_activity where datname = current_database() and application_name = 'millrace'",
  }
  const most = { postgres: 0, redis: 0 }
  while ((await log.range(FIREHOSE_LIVE, { maxEntries: 1 })).length > 0) {
    await fetch(`http://127.0.0.1:${port}/metrics`).then((answer) => answer.text())
    most.postgres = Math.max(most.postgres, (await seer.query(open)).count - seer.stats().size)
    most.redis = Math.max(most.redis, (await clients()) - own)
  }
  assert.ok(most.postgres >= 2 && most.postgres <= budget.postgresConnections, JSON.stringify(most))
  assert.ok(most.redis >= 2 && most.redis <= budget.redisConnections, JSON.stringify(most))
  await Promise.all([seer.close(), asker.close()])
})

test('ingester, backfiller and up say what they may take', async () => {
  await using redis = await freshRedis()
  const nobody = ['--relay-hosts', `http://127.0.0.1:${await freePort()}`]
  const ports = async (...names: string[]) =>
    (
      await Promise.all(names.map(async (name) => [`--${name}-metrics-port`, String(await freePort())]))
    ).flat()
  const store = ['--redis-url', redis.url]
  await using ingester = start(['ingester', ...store, ...nobody, ...(await ports('ingester'))])
  const taken = await budgetOf(ingester)
  assert.deepEqual(
    [taken.postgresConnections, taken.postgresConnectionsLimit, taken.redisConnections],
    [0, null, 1],
  )
  const memory = ['--backfiller-memory', '64MB']
  await using backfiller = start(['backfiller', ...store, ...memory, ...(await ports('backfiller'))])
  const { bytes, redisConnections } = await budgetOf(backfiller)
  assert.deepEqual([bytes['repos'], redisConnections], [64 * MIB, 2])
  const data = await mkdtemp(join(tmpdir(), 'millrace-test-budget-'))
  const all = await ports('ingester', 'backfiller', 'indexer')
  await using up = start(['up', '--data', data, ...nobody, ...memory, ...all], NO_LOOKUPS)
  const whole = await budgetOf(up)
  assert.deepEqual(
    [whole.postgresConnections, whole.redisConnections, whole.bytes['repos']],
    [21, 0, 64 * MIB],
  )
  assert.equal(
    Object.values(whole.bytes).reduce((sum, part) => sum + part, 0),
    whole.totalBytes,
  )
  up.child.kill('SIGTERM')
  await up.ended
  await rm(data, { recursive: true, force: true })
})
