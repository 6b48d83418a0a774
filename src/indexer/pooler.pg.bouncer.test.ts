import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { migrate } from '../db/migrate.ts'
import { openPool, type Pool } from '../db/pool.ts'
import { sqlState } from '../db/sql-error.ts'
import type { Label } from '../event/event.ts'
import { LABEL_LIVE } from '../event/streams.ts'
import { silentLogger } from '../lib/logger.ts'
import { freshDatabase, type FreshDatabase } from '../../test/harness/services.ts'
import { keepsStatements, startBouncer, type Bouncer } from '../../test/harness/bouncer.ts'
import { DatabaseFacts } from './database-facts.ts'
import { account, create, didOf, identity, rowsOf, timeOf, until } from './testing.ts'
import { asked, named } from './testing-accounts.ts'
import { anyDelivery, anyHistory, deliver, eventsOf, marked, markOf } from './testing-history.ts'
import { append, appendLabels, isEmpty, openTestLog, startIndexer } from './testing-loop.ts'
import { applyBatch, readTables } from './testing-tables.ts'

/** Fewer connections than writers, and fewer than the pool thinks it has. */
const LENT = 3
const POOL = 8

/** What the installed PgBouncer can be: one that keeps named statements, one that does not. */
const MANNERS = keepsStatements() ? [{ maxPreparedStatements: 200 }, { maxPreparedStatements: 0 }] : [{}]

let plain: FreshDatabase
let direct: Pool

before(async () => {
  plain = await freshDatabase({ migrated: true })
  direct = await openPool({ url: plain.url, max: POOL, logger: silentLogger })
})
after(async () => {
  await direct.close()
  await plain[Symbol.asyncDispose]()
})

type Through = AsyncDisposable & { readonly pool: Pool; readonly bouncer: Bouncer }

const openThrough = async (manner: object, prepare?: boolean): Promise<Through> => {
  const database = await freshDatabase()
  const bouncer = await startBouncer({ url: database.url, poolSize: LENT, ...manner })
  const named = prepare === undefined ? {} : { prepare }
  const pool = await openPool({ url: bouncer.url, max: POOL, logger: silentLogger, ...named })
  return {
    pool,
    bouncer,
    [Symbol.asyncDispose]: async () => {
      await pool.close()
      await bouncer[Symbol.asyncDispose]()
      await database[Symbol.asyncDispose]()
    },
  }
}

const [alice, bob] = [didOf('pooled'), didOf('buried')]
const label = (n: number, more: Partial<Label> = {}): Label => ({
  ...{ src: 'did:plc:labeler', uri: `at://${alice}`, cid: null, val: 'spam', neg: false, cts: timeOf(n) },
  exp: null,
  ...more,
})

/** A whole indexer with its loops, labels and identity worker; two accounts, one of them deleted and purged. */
const indexAll = async (pool: Pool) => {
  await using stack = await openTestLog()
  const { log } = stack
  const lookup = asked({
    [alice]: { ...named('alice.test'), status: { active: true, status: null } },
    [bob]: { identity: 'gone', status: 'gone' },
  })
  const running = startIndexer({ log, pool, lookup })
  const posts = [alice, bob].map((did) => create(1, [did, 'post', 'p'], { text: 'p', createdAt: timeOf(1) }))
  await append(log, ...posts, identity(2, alice), account(3, bob, false, 'deleted'))
  await appendLabels(log, label(1, { cid: 'a' }), label(2), label(3, { neg: true }))
  const due = { text: 'select 1 from millrace.identity_work' }
  await until('all is indexed', async () => (await isEmpty(log)) && (await isEmpty(log, LABEL_LIVE)))
  await until('nobody is to be looked up', async () => (await pool.query(due)).count === 0)
  await running.stop()
  const of = async (table: string, did: string) => rowsOf(pool, table, { did })
  return {
    labels: await rowsOf(pool, 'label'),
    actors: [await of('actor', alice), await of('actor', bob)],
    accounts: [await of('millrace.account', alice), await of('millrace.account', bob)],
    posts: await Promise.all([alice, bob].map((creator) => rowsOf(pool, 'post', { creator }))),
  }
}

for (const [index, manner] of MANNERS.entries()) {
  test(`through PgBouncer in transaction mode ${JSON.stringify(manner)} the same rows are written as directly`, async () => {
    await using through = await openThrough(manner)
    const { pool } = through
    await Promise.all([migrate(pool), migrate(pool)])
    const sampled = { numRuns: 25, seed: 20_250_601 }
    const histories = fc.sample(anyHistory, sampled)
    const deliveries = fc.sample(anyDelivery, sampled)
    for (const [run, steps] of histories.entries()) {
      const mark = markOf(index * 1_000 + run)
      const events = marked(eventsOf(steps), mark)
      for (const event of events) await applyBatch(direct, [event])
      const lanes = deliver(events, { ...deliveries[run], appliers: 6 } as Parameters<typeof deliver>[1])
      await Promise.all(
        lanes.map(async (batches) => {
          for (const batch of batches) await applyBatch(pool, batch)
        }),
      )
      assert.deepEqual(await readTables(pool, mark), await readTables(direct, mark))
    }
    const { recount, ...facts } = await new DatabaseFacts(pool, 0).read()
    assert.equal(recount, null, 'nobody has recounted')
    assert.deepEqual(
      Object.entries({ ...facts, up: facts.up - 1 }).filter(([, value]) => !Number.isFinite(value)),
      [],
    )
    assert.equal(facts.up, 1)
  })
}

test('labels, look-ups and purges of a whole indexer leave the same rows through PgBouncer', async () => {
  await using through = await openThrough(MANNERS[0] ?? {})
  await migrate(through.pool)
  const expected = await indexAll(direct)
  assert.equal(expected.labels.length, 2)
  assert.deepEqual(
    [expected.posts, expected.actors].map((of) => of.map((rows) => rows.length)),
    [
      [1, 0],
      [1, 0],
    ],
  )
  assert.deepEqual(await indexAll(through.pool), expected)
})

test('a statement is bounded in time through PgBouncer, and the bound stays with nobody else', async () => {
  await using through = await openThrough(MANNERS[0] ?? {})
  const { pool, bouncer } = through
  const brief = await openPool({ url: bouncer.url, max: 2, statementTimeoutMs: 200, logger: silentLogger })
  await assert.rejects(
    brief.transaction((tx) => tx.query({ text: 'SELECT pg_sleep(100)' })),
    (error) => sqlState(error) === '57014',
  )
  await brief.close()
  const bounds = Array.from({ length: 2 * LENT }, () =>
    pool.query<{ bound: string }>({ text: "SELECT current_setting('statement_timeout') AS bound" }),
  )
  const seen = (await Promise.all(bounds)).map(({ rows }) => rows[0]?.bound)
  assert.deepEqual([...new Set(seen)], ['0'])
})

test('a PgBouncer that passes names on would lose named statements: they are sent without, unless we are told otherwise', async () => {
  const manner = MANNERS.at(-1) ?? {}
  const many = (pool: Pool) =>
    Promise.all(
      Array.from({ length: 40 }, (_, n) =>
        pool.transaction((tx) => tx.query({ name: 'one', text: 'SELECT $1::int AS n', values: [n] })),
      ),
    )
  await using found = await openThrough(manner)
  assert.equal((await many(found.pool)).length, 40)
  await using forced = await openThrough(manner, true)
  await assert.rejects(many(forced.pool), (error) => ['26000', '42P05'].includes(sqlState(error) ?? ''))
})
