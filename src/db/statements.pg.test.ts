import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import type { FreshDatabase } from '../../test/harness/services.ts'
import { freshDatabase } from '../../test/harness/services.ts'
import { silentLogger } from '../lib/logger.ts'
import { migrate } from './migrate.ts'
import type { Pool } from './pool.ts'
import { openPool } from './pool.ts'
import type { Row } from './statements.ts'
import { bindRows, deleteByUriSql, prepare, sortRows, upsertSql, writeRows } from './statements.ts'

let database: FreshDatabase
let pool: Pool

before(async () => {
  database = await freshDatabase()
  pool = await openPool({ url: database.url, max: 4, logger: silentLogger })
  await migrate(pool)
})

after(async () => {
  await pool.close()
  await database[Symbol.asyncDispose]()
})

const LIKE = ['uri', 'cid', 'creator', 'subject', 'subjectCid', 'createdAt', 'indexedAt']
const like = (uri: string, subject: string, creator = 'did:plc:a'): Row => ({
  uri,
  cid: 'c',
  creator,
  subject,
  subjectCid: 's',
  createdAt: '2024-01-01T00:00:00.000Z',
  indexedAt: '2024-01-02T00:00:00.000Z',
})

test('a duplicate of a unique key leaves the first row and returns only what was written', async () => {
  const insert = upsertSql({
    schema: 'bsky',
    table: 'like',
    columns: LIKE,
    conflict: ['subject', 'creator'],
    returning: '"uri", "sortAt"',
  })
  const rows = [like('at://a/1', 'at://s/1'), like('at://a/2', 'at://s/2')]
  const first = await writeRows<{ uri: string }>(pool, insert, rows, { orderBy: ['uri'] })
  assert.deepEqual(first, [
    { uri: 'at://a/1', sortAt: '2024-01-01T00:00:00.000Z' },
    { uri: 'at://a/2', sortAt: '2024-01-01T00:00:00.000Z' },
  ])
  const again = await writeRows(pool, insert, [like('at://a/3', 'at://s/1')], { orderBy: ['uri'] })
  assert.deepEqual(again, [])
})

test('an update happens only where its condition over the old and the new row holds', async () => {
  const guard = upsertSql({
    schema: 'bsky',
    table: 'millrace.record_rev',
    columns: ['key', 'rev', 'deleted'],
    conflict: ['key'],
    set: ['rev', 'deleted'],
    where: 'old.rev < excluded.rev',
    returning: 'old.key',
  })
  const key = '00000000-0000-0000-0000-00000000000a'
  const write = async (rev: bigint, deleted: boolean) =>
    (await pool.query(bindRows(guard, [{ key, rev, deleted }]))).rows.length
  assert.deepEqual(
    [await write(2n ** 62n, false), await write(5n, true), await write(2n ** 62n + 1n, true)],
    [1, 0, 1],
  )
  const { rows } = await pool.query({ text: 'SELECT rev::text, deleted FROM millrace.record_rev' })
  assert.deepEqual(rows, [{ rev: String(2n ** 62n + 1n), deleted: true }])
})

test('an expression adds to what is there', async () => {
  const add = upsertSql({
    schema: 'bsky',
    table: 'post_agg',
    columns: ['uri', 'likeCount'],
    conflict: ['uri'],
    set: { likeCount: 'old."likeCount" + excluded."likeCount"' },
  })
  for (const likeCount of [3, -1]) await pool.query(bindRows(add, [{ uri: 'at://p', likeCount }]))
  const { rows } = await pool.query({ text: 'SELECT "likeCount", "replyCount" FROM bsky.post_agg' })
  assert.deepEqual(rows, [{ likeCount: 2, replyCount: 0 }])
})

test('deleting by a list of keys returns what was there', async () => {
  await pool.query({ text: "INSERT INTO bsky.actor_sync VALUES ('did:1', 'c', 'r'), ('did:2', 'c', 'r')" })
  const remove = deleteByUriSql({ schema: 'bsky', table: 'actor_sync', column: 'did', returning: 'did' })
  const gone = await pool.query(bindRows(remove, [{ did: 'did:2' }, { did: 'did:3' }]))
  assert.deepEqual(gone.rows, [{ did: 'did:2' }])
})

test('any text without NUL survives, empty is not NULL, and jsonb and boolean keep their values', async () => {
  const columns = [
    'uri',
    'cid',
    'creator',
    'text',
    'replyRoot',
    'createdAt',
    'indexedAt',
    'langs',
    'tags',
    'hasPostGate',
  ]
  const insert = upsertSql({ schema: 'bsky', table: 'post', columns, returning: 'old.*' })
  const nasty = fc.constantFrom(
    '',
    '\\',
    '"',
    "'",
    '{',
    '}',
    ',',
    'NULL',
    '\r\n',
    '\\N',
    '\t',
    '😀',
    '\u2028',
    '\\u0000',
    ' ',
  )
  const text = fc
    .oneof(
      nasty,
      fc.string({ unit: 'binary', maxLength: 40 }),
      fc.array(nasty).map((parts) => parts.join('')),
    )
    .map((value) => value.replaceAll('\0', ''))
  const json = fc.option(fc.array(text), { nil: null })
  const row = fc.record(
    {
      text,
      replyRoot: fc.option(text, { nil: null }),
      langs: json,
      tags: json,
      gate: fc.option(fc.boolean()),
    },
    { noNullPrototype: true },
  )
  let serial = 0
  const property = fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (values) => {
    const rows = values.map((value) => ({
      ...like(`at://t/${serial++}`, ''),
      text: value.text,
      replyRoot: value.replyRoot,
      langs: value.langs && JSON.stringify(value.langs),
      tags: value.tags && JSON.stringify(value.tags),
      hasPostGate: value.gate,
    }))
    const { rows: stored } = await pool.query(bindRows(insert, rows))
    const got = stored.map(({ text, replyRoot, langs, tags, hasPostGate }) => ({
      text,
      replyRoot,
      langs,
      tags,
      gate: hasPostGate,
    }))
    assert.deepEqual(got, values)
  })
  await fc.assert(property, { numRuns: 60 })
})

test('rows go in key order and in bounded statements', async () => {
  const insert = upsertSql({
    schema: 'bsky',
    table: 'actor_sync',
    columns: ['did', 'commitCid'],
    returning: 'did',
  })
  const rows = ['z', 'b', 'a', 'y'].map((did) => ({ did, commitCid: 'c' }))
  const sizes: number[] = []
  const counting: Pick<Pool, 'query'> = {
    query: (statement) => {
      sizes.push((statement.values?.[0] as unknown[]).length)
      return pool.query(statement)
    },
  }
  const written = await writeRows<{ did: string }>(counting, insert, rows, { orderBy: ['did'], maxRows: 3 })
  assert.deepEqual(
    [written.map(({ did }) => did), sizes],
    [
      ['a', 'b', 'y', 'z'],
      [3, 1],
    ],
  )
  const again = rows.map((row) => ({ ...row, did: `${row.did}2`, commitCid: 'c'.repeat(100) }))
  await writeRows(counting, insert, again, { orderBy: ['did'], maxBytes: 250 })
  assert.deepEqual(sizes.slice(2), [2, 2])
})

test('sorting is by the columns named, in their order', () => {
  const rows = [
    { a: 2, b: 1 },
    { a: 1, b: 2 },
    { a: 1, b: 1 },
  ]
  assert.deepEqual(sortRows(rows, ['a', 'b']), [rows[2], rows[1], rows[0]])
})

test('equal names mean equal text', () => {
  assert.notEqual(prepare('SELECT 1').name, prepare('SELECT 2').name)
  assert.equal(prepare('SELECT 1').name, prepare('SELECT 1').name)
})
