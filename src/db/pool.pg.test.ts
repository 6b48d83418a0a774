import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { test } from 'node:test'
import pg from 'pg'
import { freePort, freshDatabase } from '../../test/harness/services.ts'
import { SetupError, TransientError } from '../lib/errors.ts'
import { silentLogger } from '../lib/logger.ts'
import type { Pool, PoolOptions } from './pool.ts'
import { openPool } from './pool.ts'
import { sqlState } from './sql-error.ts'

const open = (url: string, more: Partial<PoolOptions> = {}) =>
  openPool({ url, max: 2, logger: silentLogger, ...more })

const withPool = async (
  work: (pool: Pool, url: string) => Promise<void>,
  more: Partial<PoolOptions> = {},
) => {
  await using database = await freshDatabase()
  const pool = await open(database.url, more)
  try {
    await work(pool, database.url)
  } finally {
    await pool.close()
  }
}

const refuses = (attempt: Promise<unknown>, exitCode: number, pattern: RegExp) =>
  assert.rejects(attempt, (error) => {
    assert.ok(error instanceof SetupError, String(error))
    assert.match(error.message, pattern)
    assert.doesNotMatch(`${error.message} ${error.remedy}`, /secret/)
    assert.equal(error.exitCode, exitCode)
    return true
  })

test('a store that cannot be used stops the start in words that never hold a password', async () => {
  const port = await freePort()
  await refuses(
    open(`postgresql://u:secret@127.0.0.1:${port}/db`),
    69,
    new RegExp(`127.0.0.1:${port}, database db,`),
  )
  await refuses(open('mysql://u:secret@h/db'), 64, /not of the form postgresql/)
  await using database = await freshDatabase()
  const wrong = new URL(database.url)
  wrong.password = 'secret'
  await refuses(open(wrong.href), 69, /cannot be used/)
  await refuses(open(database.url.replace(/[^/]+$/, 'nowhere')), 69, /database nowhere, cannot be used/)
})

test('what works is committed, what throws is undone', () =>
  withPool(async (pool) => {
    await pool.query({ text: 'CREATE TABLE t (n int)' })
    const value = await pool.transaction(
      async (tx) => (await tx.query({ text: 'INSERT INTO t VALUES (1)' })).count,
    )
    assert.equal(value, 1)
    const failing = pool.transaction(async (tx) => {
      await tx.query({ text: 'INSERT INTO t VALUES (2)' })
      throw new RangeError('ours')
    })
    await assert.rejects(failing, RangeError)
    assert.deepEqual((await pool.query({ text: 'SELECT n FROM t' })).rows, [{ n: 1 }])
  }))

test('two transactions that deadlock both finish, and the repetition is counted', () =>
  withPool(async (pool) => {
    await pool.query({
      text: "CREATE TABLE t (k text PRIMARY KEY, n int); INSERT INTO t VALUES ('a', 0), ('b', 0)",
    })
    const arrived = Promise.withResolvers<void>()
    let waiting = 0
    const retries: string[] = []
    const add = (keys: readonly string[]) =>
      pool.transaction(
        async (tx) => {
          await tx.query({ text: 'UPDATE t SET n = n + 1 WHERE k = $1', values: [keys[0]] })
          if (++waiting === 2) arrived.resolve()
          await arrived.promise
          await tx.query({ text: 'UPDATE t SET n = n + 1 WHERE k = $1', values: [keys[1]] })
        },
        { onRetry: (state) => retries.push(state) },
      )
    await Promise.all([add(['a', 'b']), add(['b', 'a'])])
    assert.deepEqual((await pool.query({ text: 'SELECT n FROM t' })).rows, [{ n: 2 }, { n: 2 }])
    assert.deepEqual(retries, ['40P01'])
  }))

test('a conflict that does not end is given back as something to try again later', () =>
  withPool(async (pool) => {
    let runs = 0
    const never = pool.transaction(
      async (tx) => {
        runs++
        await tx.query({ text: "DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$" })
      },
      { retries: 2 },
    )
    await assert.rejects(never, TransientError)
    assert.equal(runs, 3)
  }))

test('a statement is bounded in time, inside a transaction too, and the connection stays usable', () =>
  withPool(
    async (pool) => {
      const slow = pool.transaction((tx) => tx.query({ text: 'SELECT pg_sleep(100)' }))
      await assert.rejects(slow, (error) => error instanceof TransientError && sqlState(error) === '57014')
      assert.equal((await pool.query({ text: 'SELECT 1' })).count, 1)
      assert.deepEqual(pool.stats(), { size: 1, idle: 1, waiting: 0, max: 2 })
    },
    { statementTimeoutMs: 200 },
  ))

test('a lost connection is a TransientError, and the next statement gets a new one', () =>
  withPool(async (pool, url) => {
    const broken = pool.transaction(async (tx) => {
      const { rows } = await tx.query<{ pid: number }>({ text: 'SELECT pg_backend_pid() AS pid' })
      const admin = new pg.Client({ connectionString: url })
      await admin.connect()
      await admin.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid])
      await admin.end()
      await tx.query({ text: 'SELECT 1' })
    })
    await assert.rejects(broken, TransientError)
    assert.equal((await pool.query({ text: 'SELECT 1' })).count, 1)
  }))

test('an idle connection that breaks is reported and crashes nothing', async () => {
  const errors: Error[] = []
  const reported = Promise.withResolvers<void>()
  const onError = (error: Error) => {
    errors.push(error)
    reported.resolve()
  }
  await withPool(
    async (pool, url) => {
      const admin = new pg.Client({ connectionString: url })
      await admin.connect()
      await admin.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'millrace'",
      )
      await admin.end()
      await reported.promise
      assert.equal((await pool.query({ text: 'SELECT 1' })).count, 1)
      assert.equal(errors.length, 1)
    },
    { onError },
  )
})

test('waiting for a connection is bounded and visible', () =>
  withPool(
    async (pool) => {
      const release = Promise.withResolvers<void>()
      const entered = Promise.withResolvers<void>()
      const holder = pool.transaction(async () => {
        entered.resolve()
        await release.promise
      })
      await entered.promise
      const waiting = pool.query({ text: 'SELECT 1' })
      assert.deepEqual(pool.stats(), { size: 1, idle: 0, waiting: 1, max: 1 })
      await assert.rejects(waiting, TransientError)
      release.resolve()
      await holder
    },
    { max: 1, connectTimeoutMs: 300 },
  ))

test('int8 is a number while that is exact, otherwise an error', () =>
  withPool(async (pool) => {
    const { rows } = await pool.query({
      text: 'SELECT 9007199254740991::bigint AS safe, count(*) FROM (VALUES (1)) AS v',
    })
    assert.deepEqual(rows, [{ safe: 9007199254740991, count: 1 }])
    await assert.rejects(pool.query({ text: 'SELECT 9007199254740993::bigint' }), /select it as text/)
  }))

test('an error in a statement is passed on as it is: repeating it would not help', () =>
  withPool(async (pool) => {
    await assert.rejects(pool.query({ text: 'SELECT nonsense' }), (error) => sqlState(error) === '42703')
    await assert.rejects(pool.query({ text: 'SELECT $1::text', values: ['a\0b'] }), (error) => {
      assert.ok(!(error instanceof TransientError))
      return sqlState(error) === '22021'
    })
  }))

test('named statements are parsed once per connection, unnamed where a pooler forbids names', async () => {
  const count = (pool: Pool) =>
    pool.transaction(async (tx) => {
      for (let i = 0; i < 3; i++) await tx.query({ name: 'one', text: 'SELECT $1::int', values: [i] })
      return (await tx.query({ text: 'SELECT name FROM pg_prepared_statements' })).count
    })
  await withPool(async (pool) => assert.equal(await count(pool), 1))
  await withPool(async (pool) => assert.equal(await count(pool), 0), { prepare: false })
})

test('a server that accepts and never answers is given up', async () => {
  const mute = createServer(() => {}).listen(0, '127.0.0.1')
  await new Promise((resolve) => mute.once('listening', resolve))
  const address = mute.address()
  assert.ok(typeof address === 'object' && address)
  await refuses(
    open(`postgresql://u:secret@127.0.0.1:${address.port}/db`, { connectTimeoutMs: 300 }),
    69,
    /cannot be used/,
  )
  mute.close()
})
