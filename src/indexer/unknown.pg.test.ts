import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import type { JsonObject, StreamEvent } from '../event/event.ts'
import { purgeAccount } from './purge.ts'
import {
  apply,
  at,
  backfilled,
  cidOf,
  create,
  didOf,
  openTestDatabase,
  remove,
  rowsOf,
  timeOf,
  update,
  type TestDatabase,
} from './testing.ts'

let db: TestDatabase
let made = 0

before(async () => {
  db = await openTestDatabase()
})
after(() => db[Symbol.asyncDispose]())

const NSID = 'com.example.thing'
const ON = { indexUnknown: true }
const fresh = () => didOf(`u${'abcdefghijklmnopqrstuvwxyz'[made++]}`)
const recordsOf = async (did: string) =>
  (await rowsOf(db.pool, 'record', { did })).map(({ uri, json }) => [uri, (json as JsonObject)['v']])
const rev = async (): Promise<number> =>
  (await db.pool.query({ text: 'select 1 from millrace.record_rev' })).count

test('a record of an unknown collection is kept as it is, updated and deleted like any other', async () => {
  const did = fresh()
  const path = [did, NSID, 'x'] as const
  const first = create(1, path, { v: 1, anything: { $bytes: 'AA' } })
  await apply(db.pool, [first], ON)
  const [row] = await rowsOf(db.pool, 'record', { did })
  const { cid, record } = first as Extract<StreamEvent, { type: 'create' }>
  assert.deepEqual(
    { ...row },
    { ...row, uri: at(did, NSID, 'x'), cid, did, json: record, indexedAt: timeOf(1) },
  )
  await apply(db.pool, [update(2, path, { v: 2 })], ON)
  assert.deepEqual(await recordsOf(did), [[at(did, NSID, 'x'), 2]])
  const repeated = await apply(db.pool, [update(2, path, { v: 2 })], ON)
  assert.deepEqual([repeated.applied.repeated.length, repeated.applied.rowsWritten], [1, 0])
  await apply(db.pool, [remove(3, path)], ON)
  assert.deepEqual(await recordsOf(did), [])
  const late = await apply(db.pool, [update(2, path, { v: 2 })], ON)
  assert.equal(late.applied.stale.length, 1)
  assert.deepEqual(await recordsOf(did), [])
})

test('a delete that comes before its create leaves nothing', async () => {
  const did = fresh()
  await apply(db.pool, [remove(2, [did, NSID, 'x'])], ON)
  await apply(db.pool, [create(1, [did, NSID, 'x'], { v: 1 })], ON)
  assert.deepEqual(await recordsOf(did), [])
})

test('without the setting nothing is written, and the reason is counted', async () => {
  const did = fresh()
  const before = await rev()
  const { plan } = await apply(db.pool, [create(1, [did, NSID, 'x'], { v: 1 }), remove(2, [did, NSID, 'y'])])
  assert.deepEqual([...plan.drops], [['unknown_collection', 2]])
  assert.deepEqual(await recordsOf(did), [])
  assert.equal(await rev(), before)
})

test('a backfill of the version that is stored changes nothing', async () => {
  const did = fresh()
  const event = create(1, [did, NSID, 'x'], { v: 1 })
  await apply(db.pool, [event], ON)
  const { applied } = await apply(db.pool, [backfilled(event, 5)], ON)
  assert.equal(applied.unchanged.length, 1)
  assert.equal((await rowsOf(db.pool, 'record', { did }))[0]?.['indexedAt'], timeOf(1))
})

test('any order of events, in any batches, leaves the same records', async () => {
  const events = (did: string) => [
    create(1, [did, NSID, 'x'], { v: 1 }),
    remove(2, [did, NSID, 'x']),
    create(3, [did, NSID, 'x'], { v: 3 }),
    create(1, [did, 'org.example.other', 'x'], { v: 10 }),
    remove(4, [did, 'org.example.other', 'x']),
    create(2, [did, 'org.example.other', 'y'], { v: 20 }),
  ]
  const order = fc.shuffledSubarray([0, 1, 2, 3, 4, 5], { minLength: 6 })
  await fc.assert(
    fc.asyncProperty(order, fc.integer({ min: 1, max: 6 }), async (places, size) => {
      const did = `did:web:order${made++}.test`
      const all = places.flatMap((place) => events(did)[place] ?? [])
      for (let from = 0; from < all.length; from += size)
        await apply(db.pool, all.slice(from, from + size), ON)
      assert.deepEqual(
        new Set(await recordsOf(did)),
        new Set([
          [at(did, NSID, 'x'), 3],
          [at(did, 'org.example.other', 'y'), 20],
        ]),
      )
    }),
    { numRuns: 20, seed: 1 },
  )
})

test('a deleted account takes its records of unknown collections with it, and none comes back late', async () => {
  const did = fresh()
  const life = ['x', 'y'].map((rkey, n) => create(n + 1, [did, `com.example.${rkey}`, rkey], { v: n }))
  await apply(db.pool, life, ON)
  assert.equal(await purgeAccount(db.pool, did, timeOf(5)), 2)
  assert.deepEqual(await recordsOf(did), [])
  const { voided } = await apply(db.pool, life, ON)
  assert.equal(voided.length, 2)
  await apply(db.pool, [create(9, [did, NSID, 'again'], { v: 9 })], ON)
  assert.deepEqual(await recordsOf(did), [[at(did, NSID, 'again'), 9]])
})

test('whatever such a record holds is kept exactly or dropped with a reason', async () => {
  const did = fresh()
  const odd: JsonObject[] = [
    { v: '\u0000' },
    { v: '\ud800' },
    { v: '\\u0000 "quoted"' },
    JSON.parse('{"v":1,"__proto__":{"polluted":1},"constructor":null,"":0}') as JsonObject,
    { v: 'x'.repeat(1_000_000) },
    JSON.parse(`{"v":${'['.repeat(1_000)}${']'.repeat(1_000)}}`) as JsonObject,
  ]
  for (const [n, record] of odd.entries()) {
    const event = create(1, [did, NSID, `k${n}`], {}, { cid: cidOf(`${n}`) })
    await apply(db.pool, [{ ...event, record } as StreamEvent], ON)
    const [row] = await rowsOf(db.pool, 'record', { uri: at(did, NSID, `k${n}`) })
    assert.deepEqual(row?.['json'], record)
  }
  const { plan } = await apply(db.pool, [create(1, [did, NSID, 'a\u0000'], {})], ON)
  assert.deepEqual([...plan.drops], [['unstorable_text', 1]])
})

test('however many unknown collections a batch names, it takes the statements of one', async () => {
  const did = fresh()
  const count = async (collections: number, n: number): Promise<number> => {
    let statements = 0
    const stop = db.pool.observe({
      onStatement: () => (statements += 1),
      onWait: () => undefined,
      onError: () => undefined,
      onRows: () => undefined,
    })
    const paths = Array.from(
      { length: 20 },
      (_, k) => [did, `com.example.c${k % collections}`, `k${k}`] as const,
    )
    await apply(
      db.pool,
      paths.map((path) => update(n, path, { v: n })),
      ON,
    )
    stop()
    return statements
  }
  await count(1, 1)
  await count(20, 2)
  assert.equal(await count(20, 3), await count(1, 4))
})
