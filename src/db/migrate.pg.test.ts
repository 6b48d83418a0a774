import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { freshDatabase } from '../../test/harness/services.ts'
import { SetupError } from '../lib/errors.ts'
import { silentLogger } from '../lib/logger.ts'
import { migrate, verify } from './migrate.ts'
import type { Pool } from './pool.ts'
import { openPool } from './pool.ts'
import { APPVIEW, APPVIEW_MIGRATIONS } from './schema/appview.ts'
import { readCatalog } from './schema/catalog.ts'

const withDatabase = async (work: (pool: Pool, url: string) => Promise<void>): Promise<void> => {
  await using database = await freshDatabase()
  const pool = await openPool({ url: database.url, max: 4, logger: silentLogger })
  try {
    await work(pool, database.url)
  } finally {
    await pool.close()
  }
}

const isBadData = (pattern: RegExp) => (error: unknown) => {
  assert.ok(error instanceof SetupError, String(error))
  assert.equal(error.exitCode, 65)
  assert.match(error.message, pattern)
  return true
}

test('an empty database gets exactly the declared tables, and a second run changes nothing', () =>
  withDatabase(async (pool) => {
    const first = await migrate(pool)
    assert.deepEqual(first, { created: true, applied: [1, 2, 3] })
    assert.deepEqual(await readCatalog(pool, 'bsky'), APPVIEW)
    assert.deepEqual(await verify(pool), [])
    assert.deepEqual(await migrate(pool), { created: false, applied: [] })
    assert.deepEqual(await readCatalog(pool, 'bsky'), APPVIEW)
  }))

test('the reference finds its 61 migrations recorded, in the order in which it knows them', () =>
  withDatabase(async (pool) => {
    await migrate(pool)
    const { rows } = await pool.query<{ name: string }>({
      text: 'SELECT name FROM bsky.kysely_migration ORDER BY timestamp, name',
    })
    assert.equal(rows.length, 61)
    assert.deepEqual(
      rows.map(({ name }) => name),
      APPVIEW_MIGRATIONS,
    )
    const { rows: locks } = await pool.query({ text: 'SELECT * FROM bsky.kysely_migration_lock' })
    assert.deepEqual(locks, [{ id: 'migration_lock', is_locked: 0 }])
  }))

test('another schema name works, also one that must be quoted', () =>
  withDatabase(async (pool) => {
    assert.equal((await migrate(pool, { schema: 'My_View' })).created, true)
    assert.deepEqual(await readCatalog(pool, 'My_View'), APPVIEW)
    assert.deepEqual(await verify(pool, { schema: 'My_View' }), [])
    await assert.rejects(migrate(pool, { schema: 'other' }), isBadData(/already serves the schema My_View/))
    await assert.rejects(migrate(pool, { schema: 'a-b' }), /cannot be the schema/)
  }))

test('many processes that start together make one database', () =>
  withDatabase(async (pool) => {
    const results = await Promise.all(Array.from({ length: 4 }, () => migrate(pool)))
    assert.equal(results.filter(({ created }) => created).length, 1)
    assert.deepEqual(await verify(pool), [])
  }))

test('tables of another shape are refused in words, and left alone', () =>
  withDatabase(async (pool) => {
    await pool.query({
      text: 'CREATE SCHEMA bsky; CREATE TABLE bsky.record (uri text, indexed_at integer NOT NULL)',
    })
    await assert.rejects(migrate(pool), isBadData(/column bsky\.record\."cid" is missing/))
    assert.deepEqual(await pool.query({ text: "SELECT 1 FROM pg_namespace WHERE nspname = 'millrace'" }), {
      rows: [],
      count: 0,
    })
  }))

const DAMAGES: readonly [string, RegExp][] = [
  ['ALTER TABLE bsky.post ALTER langs TYPE text[] USING NULL', /bsky\.post\."langs" is text\[\], not jsonb/],
  [
    'ALTER TABLE bsky.like DROP CONSTRAINT like_unique_subject',
    /bsky\.like has no unique index on \(creator, subject\)/,
  ],
  ['ALTER TABLE bsky.notification ALTER id TYPE integer', /"id" is integer, not bigint/],
  ['ALTER SEQUENCE bsky.notification_id_seq AS integer', /sequence bsky\.notification_id_seq is integer/],
  ['ALTER TABLE bsky.label ADD extra text NOT NULL', /"extra" is unknown and demands a value/],
  ['ALTER TABLE bsky.actor ALTER handle SET NOT NULL', /"handle" refuses NULL/],
  ['ALTER TABLE bsky.follow ALTER "sortAt" DROP EXPRESSION', /"sortAt" is not generated/],
  ['DROP TABLE bsky.quote', /table bsky\.quote is missing/],
  ['DROP TABLE millrace.record_rev', /table millrace\.record_rev is missing/],
]

test('what would break a statement of ours is named; what would not, is not', () =>
  withDatabase(async (pool) => {
    await migrate(pool)
    for (const [sql, pattern] of DAMAGES) {
      await pool.query({ text: sql })
      const differences = await verify(pool)
      assert.ok(
        differences.some((text) => pattern.test(text)),
        `${sql}: ${differences.join('; ')}`,
      )
    }
    assert.equal((await verify(pool)).length, DAMAGES.length)
    await pool.query({ text: 'DROP TABLE bsky.moderation_event; ALTER TABLE bsky.record ADD note text' })
    assert.equal((await verify(pool)).length, DAMAGES.length)
  }))

test('a database of a newer millrace is refused', () =>
  withDatabase(async (pool) => {
    await migrate(pool)
    await pool.query({ text: "INSERT INTO millrace.migration VALUES (999, 'future')" })
    await assert.rejects(migrate(pool), isBadData(/newer millrace/))
  }))

test('the materialized view that only history needs can be refreshed and dropped', () =>
  withDatabase(async (pool) => {
    await migrate(pool)
    await pool.query({ text: 'REFRESH MATERIALIZED VIEW bsky.algo_whats_hot_view' })
    const { rows } = await pool.query({ text: 'SELECT * FROM bsky.algo_whats_hot_view' })
    assert.deepEqual(rows, [])
  }))

test('the declaration names its source', () => {
  const text = readFileSync(join(import.meta.dirname, 'schema/appview.json'), 'utf8')
  assert.match(text, /"source": "@atproto\/bsky \d/)
  assert.equal(Object.keys(APPVIEW.tables).length, 56)
})
