import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openPool, type Pool } from '../db/pool.ts'
import { TransientError } from '../lib/errors.ts'
import { silentLogger } from '../lib/logger.ts'
import { RecentDids } from './accounts.ts'
import { apply, at, create, didOf, openTestDatabase, ref, timeOf } from './testing.ts'

test('when a batch is done, the last of its transactions is on the disk', async () => {
  await using db = await openTestDatabase()
  // The server of the tests waits for no disk, if nobody asks it to.
  await db.pool.query({
    text: `do $$ begin execute format('alter database %I set synchronous_commit = on', current_database()); end $$`,
  })
  const pool = await openPool({ url: db.url, max: 2, logger: silentLogger })
  const ask = async (what: string): Promise<string> =>
    (await pool.query<{ lsn: string }>({ text: `select ${what}::text as lsn` })).rows[0]?.lsn ?? ''
  const written: string[] = []
  const noting: Pool = {
    ...pool,
    transaction: async (work, options) => {
      const value = await pool.transaction(work, options)
      written.push(await ask('pg_current_wal_insert_lsn()'))
      return value
    },
  }
  const did = didOf('durable')
  const reply = { root: ref(at(did, 'post', 'p0')), parent: ref(at(did, 'post', 'p0')) }
  for (let n = 0; n < 20; n++) {
    await apply(noting, [
      create(n, [did, 'post', `p${n}`], { text: 'x', createdAt: timeOf(n), ...(n > 0 && { reply }) }),
    ])
    assert.equal(
      await ask(`(pg_current_wal_flush_lsn() >= '${written.at(-1)}'::pg_lsn)`),
      'true',
      `batch ${n}`,
    )
  }
  assert.ok(written.length > 20, 'with what followed from the facts')
  await pool.close()
})

test('an account counts as asked about only when that is on the disk', async () => {
  await using db = await openTestDatabase()
  const recent = new RecentDids({ max: 10, ttlMs: 60_000 })
  const did = didOf('asked')
  const events = [create(1, [did, 'post', 'p'], { text: 'x', createdAt: timeOf(1) })]
  const queued = async () =>
    (await db.pool.query({ text: 'select 1 from millrace.identity_work where did = $1', values: [did] }))
      .count
  const flush = () => Promise.reject(new TransientError('PostgreSQL is away'))
  const applied = (pool: Pool) => apply(pool, events, { recent, resolveIdentities: true })
  await assert.rejects(applied({ ...db.pool, flush }), TransientError)
  assert.equal(await queued(), 1)
  // PostgreSQL comes back, without what was never flushed.
  await db.pool.query({ text: 'truncate millrace.identity_work' })
  await applied(db.pool)
  assert.equal(await queued(), 1)
})
