import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startEmbeddedPostgres } from '../db/embedded.ts'
import { readFacts } from '../db/facts.ts'
import { migrate } from '../db/migrate.ts'
import { openPool } from '../db/pool.ts'
import { silentLogger } from '../lib/logger.ts'
import { freePort } from '../../test/harness/services.ts'
import { temporaryFolder } from '../../test/harness/servers.ts'
import { DatabaseFacts } from './database-facts.ts'
import { openTestDatabase, until } from './testing.ts'

test('a database that goes away is not up and nothing is known of it; when it is back all is known again', async () => {
  const place = { dataDir: temporaryFolder('facts'), port: await freePort(), logger: silentLogger }
  const first = await startEmbeddedPostgres(place)
  const pool = await openPool({ url: first.url, max: 2, logger: silentLogger })
  await migrate(pool)
  const facts = new DatabaseFacts(pool, 0)
  const { recount: none, ...before } = await facts.read()
  assert.deepEqual([before.up, none], [1, null])
  assert.deepEqual(
    Object.entries(before).filter(([, value]) => !Number.isFinite(value)),
    [],
  )
  await first.stop()
  const { up, recount: unknown, ...rest } = await facts.read()
  assert.equal(unknown, null)
  assert.equal(up, 0)
  assert.ok(Object.values(rest).every(Number.isNaN), JSON.stringify(rest))
  const second = await startEmbeddedPostgres(place)
  await until('it is up', async () => (await facts.read()).up === 1)
  await pool.close()
  await second.stop()
})

test('while every connection of the pool is held, the database is asked all the same, and nobody waits for it', async () => {
  await using db = await openTestDatabase(2)
  const free = Promise.withResolvers<void>()
  const holders = [1, 2].map(() =>
    db.pool.transaction(async (tx) => {
      await tx.query({ text: 'select 1' })
      await free.promise
    }),
  )
  await until('both are held', () => db.pool.stats().size === 2 && db.pool.stats().idle === 0)
  const facts = await new DatabaseFacts(db.pool, 0).read()
  assert.equal(facts.up, 1)
  assert.ok(facts.connections >= 3)
  assert.deepEqual([db.pool.stats().size, db.pool.stats().waiting], [2, 0])
  free.resolve()
  await Promise.all(holders)
})

test('while a table is locked the database is up all the same; only whether its schema differs is not known', async () => {
  await using db = await openTestDatabase(2)
  const free = Promise.withResolvers<void>()
  const isLocked = Promise.withResolvers<void>()
  const holder = db.pool.transaction(async (tx) => {
    await tx.query({ text: 'lock table bsky.record in access exclusive mode' })
    isLocked.resolve()
    await free.promise
  })
  await isLocked.promise
  const facts = new DatabaseFacts(db.pool, 0)
  await until('it was asked', async () => !Number.isNaN((await facts.read()).up))
  const { up, schemaDifferences, connections } = await facts.read()
  assert.deepEqual([up, schemaDifferences], [1, NaN])
  assert.ok(connections >= 1)
  free.resolve()
  await holder
  await until('it is known', async () => (await facts.read()).schemaDifferences === 0)
})

test('an answer is good for its time: the database is not asked again before', async () => {
  await using db = await openTestDatabase(2)
  let asked = 0
  const counting = {
    ...db.pool,
    aside: (...args: Parameters<typeof db.pool.aside>) => (asked++, db.pool.aside(...args)),
  }
  const facts = new DatabaseFacts(counting as typeof db.pool, 60_000)
  const [one, two] = await Promise.all([facts.read(), facts.read()])
  assert.equal(one, two)
  assert.equal(await facts.read(), one)
  assert.equal(asked, 2, 'once for the server, once for the catalog')
})

test('a sequence that fills an integer column is used up at 2,147,483,647, whether it owns the column or only serves it', async () => {
  await using db = await openTestDatabase(2)
  const used = async () => (await readFacts(db.pool, 'bsky')).sequenceUsedRatio
  assert.ok((await used()) < 1e-9)
  await db.pool.query({ text: 'create table bsky.old (id serial)' })
  await db.pool.query({ text: 'alter sequence bsky.old_id_seq as bigint' })
  await db.pool.query({ text: "select setval('bsky.old_id_seq', 1073741824)" })
  assert.equal((await used()).toFixed(6), '0.500000')
  await db.pool.query({ text: 'drop table bsky.old' })
  await db.pool.query({ text: 'create sequence bsky.loose as bigint' })
  await db.pool.query({ text: "create table bsky.served (id integer default nextval('bsky.loose'))" })
  await db.pool.query({ text: "select setval('bsky.loose', 1932735283)" })
  assert.equal((await used()).toFixed(6), '0.900000')
  await db.pool.query({ text: 'drop table bsky.served' })
  assert.ok((await used()) < 1e-9, 'nothing but its own end is left to it')
})
