import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { freshDatabase, type FreshDatabase } from '../../test/harness/services.ts'
import { silentLogger } from '../lib/logger.ts'
import { openPool, type Pool } from './pool.ts'
import { bindValues } from './text-arrays.ts'

let database: FreshDatabase
let pool: Pool

before(async () => {
  database = await freshDatabase()
  pool = await openPool({ url: database.url, max: 1, logger: silentLogger })
})

after(async () => {
  await pool.close()
  await database[Symbol.asyncDispose]()
})

const TEXT = 'select $1::text[] as texts, array_length($1::text[], 1) as length, $2::text as one'

const asTold = async (texts: readonly unknown[]) =>
  (await pool.query<{ texts: unknown; length: number | null }>({ text: TEXT, values: [texts, 'x'] })).rows[0]

test('PostgreSQL reads every array of texts and nulls as it was', async () => {
  const text = fc.string({ unit: 'grapheme' }).map((some) => some.replaceAll('\u0000', ''))
  const texts = fc.array(
    fc.oneof(fc.constantFrom(null, '', 'NULL', '"', '\\', '{}', ',', '\n', '\ud83e\udd80'), text),
  )
  await fc.assert(
    fc.asyncProperty(texts, async (some) => {
      assert.deepEqual((await asTold(some))?.texts, some)
    }),
  )
})

test('an empty array has no dimension, as one of its own', async () => {
  assert.deepEqual(await asTold([]), { texts: [], length: null, one: 'x' })
})

test('what PostgreSQL cannot hold is refused as ever', async () => {
  await assert.rejects(asTold(['a\u0000b']), { code: '22021' })
})

test('only arrays of text are encoded, and only where the statement says so', () => {
  const values = [['a'], ['b'], 'c', [1], null]
  const bound = bindValues('select $1::text[], $2::uuid[], $3::text[], $4::text[], $5::text[]', values)
  assert.ok(bound[0] instanceof Buffer)
  assert.deepEqual(bound.slice(1), values.slice(1))
})
