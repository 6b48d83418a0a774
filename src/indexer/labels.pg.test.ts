import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import type { Label } from '../event/event.ts'
import { coverNegated, planLabels, writeLabels } from './labels.ts'
import { openTestDatabase, rowsOf, timeOf, type TableRow, type TestDatabase } from './testing.ts'

let db: TestDatabase
let runs = 0

before(async () => {
  db = await openTestDatabase()
})
after(() => db[Symbol.asyncDispose]())

const write = async (...labels: Label[]): Promise<void> => {
  const { pool } = db
  const plan = planLabels(labels)
  await pool.transaction((tx) => writeLabels(tx, pool.schema, plan))
  await pool.transaction((tx) => coverNegated(tx, pool.schema, plan.labels))
}

const label = (src: string, n: number, more: Partial<Label> = {}): Label => ({
  src,
  uri: 'at://did:plc:alice',
  cid: null,
  val: 'spam',
  neg: false,
  cts: timeOf(n),
  exp: null,
  ...more,
})

const stored = async (src: string): Promise<TableRow[]> =>
  (await rowsOf(db.pool, 'label', { src })).map(({ src: _src, ...row }) => row)

test('a label is stored with an empty cid where it names none, and with its expiry', async () => {
  await write(label('plain', 1, { exp: timeOf(9) }))
  const row = { uri: 'at://did:plc:alice', cid: '', val: 'spam', neg: false, cts: timeOf(1), exp: timeOf(9) }
  assert.deepEqual(await stored('plain'), [row])
})

test('a label that is older than what is stored changes nothing', async () => {
  await write(label('old', 5, { neg: true }))
  await write(label('old', 4))
  assert.deepEqual(
    (await stored('old')).map(({ neg, cts }) => [neg, cts]),
    [[true, timeOf(5)]],
  )
})

test('a negation covers the older labels of other cids, also those that come after it, and no newer one', async () => {
  await write(label('cover', 1, { cid: 'a' }))
  await write(label('cover', 5, { neg: true }))
  await write(label('cover', 2, { cid: 'b' }), label('cover', 6, { cid: 'c' }))
  const negated = (await stored('cover')).map(({ cid, neg }) => [cid, neg])
  assert.deepEqual(
    negated,
    [
      ['', true],
      ['a', true],
      ['b', true],
      ['c', false],
    ].sort(),
  )
})

test('a negation covers neither another value nor another source', async () => {
  await write(label('apart', 1, { val: 'nudity' }), label('distant', 1))
  await write(label('apart', 5, { neg: true }))
  assert.deepEqual(
    (await stored('apart')).map(({ val, neg }) => [val, neg]),
    [
      ['nudity', false],
      ['spam', true],
    ],
  )
  assert.deepEqual(
    (await stored('distant')).map(({ neg }) => neg),
    [false],
  )
})

const anyLabels = fc.uniqueArray(
  fc.record({
    n: fc.nat(20),
    cid: fc.constantFrom(null, 'a', 'b'),
    val: fc.constantFrom('spam', 'nudity'),
    neg: fc.boolean(),
    exp: fc.constantFrom(null, timeOf(50), timeOf(60)),
  }),
  { maxLength: 12 },
)

test('labels in any order, repeated, in any batches, from two writers leave the same rows', async () => {
  const order = fc.array(fc.nat(99), { maxLength: 30 })
  const property = fc.asyncProperty(
    anyLabels,
    order,
    fc.integer({ min: 1, max: 4 }),
    async (labels, places, size) => {
      const [calm, wild] = [`calm${runs}`, `wild${runs++}`]
      const made = labels.map(({ n, ...more }) => ({ n, more }))
      for (const { n, more } of made.toSorted((a, b) => a.n - b.n)) await write(label(calm, n, more))
      const shuffled = [...made, ...made.slice(0, 3)]
        .map((item, index) => ({ item, place: places[index] ?? 50 }))
        .sort((a, b) => a.place - b.place)
        .map(({ item: { n, more } }) => label(wild, n, more))
      const batches = Array.from({ length: Math.ceil(shuffled.length / size) }, (_, index) =>
        shuffled.slice(index * size, index * size + size),
      )
      await Promise.all(
        [0, 1].map(async (writer) => {
          for (const batch of batches.filter((_, index) => index % 2 === writer)) await write(...batch)
        }),
      )
      assert.deepEqual(await stored(wild), await stored(calm))
    },
  )
  await fc.assert(property, { numRuns: Number(process.env['PROPERTY_RUNS'] ?? 60), seed: 3 })
})
