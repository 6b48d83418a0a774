import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import type { Json, JsonObject, StreamEvent } from '../event/event.ts'
import {
  apply,
  at,
  cidOf,
  create,
  didOf,
  openTestDatabase,
  ref,
  remove,
  rowsOf,
  timeOf,
  type TestDatabase,
} from './testing.ts'

let db: TestDatabase
let made = 0

before(async () => {
  db = await openTestDatabase()
})
after(() => db[Symbol.asyncDispose]())

const ALICE = didOf('alice')
const DECLARATION = 'chat.bsky.actor.declaration'

/** Either the record is there exactly as it was told, or the event is counted as dropped. */
const indexedOrDropped = async (
  event: StreamEvent,
  record: unknown,
  uri: string,
): Promise<'indexed' | 'dropped'> => {
  const { plan } = await apply(db.pool, [event])
  const rows = await rowsOf(db.pool, 'record', { uri })
  if (plan.drops.size > 0) {
    assert.equal(
      [...plan.drops.values()].reduce((sum, count) => sum + count, 0),
      1,
    )
    assert.deepEqual(rows, [])
    return 'dropped'
  }
  assert.deepEqual(rows[0]?.['json'], record)
  return 'indexed'
}

const tryRecord = async (collection: string, record: JsonObject): Promise<'indexed' | 'dropped'> => {
  const rkey = `k${made++}`
  const event = create(made, [ALICE, collection, rkey], {}, { cid: cidOf(rkey) })
  return indexedOrDropped({ ...event, record } as StreamEvent, record, at(ALICE, collection, rkey))
}

const post = (more: object) =>
  tryRecord('post', { $type: 'app.bsky.feed.post', text: 'x', createdAt: timeOf(1), ...more })

test('text that reads like an escape, a quote or a statement is kept to the letter', async () => {
  const odd = [
    '\\u0000',
    '\\\\u0000',
    '"',
    "'; drop table bsky.post; --",
    '$1',
    '\\',
    '{"a":1}',
    '\u2028',
    '\ufffd',
    '',
    'é',
    '👩‍👩‍👧',
    '\u202e',
    '\t\r\n\u0001\u007f',
  ]
  for (const text of odd) assert.equal(await post({ text }), 'indexed', JSON.stringify(text))
})

test('text that no database holds drops its post, and no other one', async () => {
  for (const text of ['\u0000', 'a\u0000', '\ud800', '\udc00x'])
    assert.equal(await post({ text }), 'dropped', JSON.stringify(text))
})

test('a record of which only itself is kept may hold what text columns do not', async () => {
  const record = { $type: DECLARATION, note: '\\u0000 and "quotes"', n: 1e300, deep: [[[[{}]]]] }
  assert.equal(await tryRecord(DECLARATION, record), 'indexed')
})

test('keys that are named like the machinery of objects are keys like others', async () => {
  const text = `{"$type":"${DECLARATION}","__proto__":{"polluted":1},"constructor":{"prototype":null},"toString":1,"poison":"x","":0}`
  assert.equal(await tryRecord(DECLARATION, JSON.parse(text) as JsonObject), 'indexed')
  assert.equal(({} as Record<string, unknown>)['polluted'], undefined)
})

test('a text of a megabyte is kept where it is allowed and dropped where it is not', async () => {
  const text = 'x'.repeat(1_000_000)
  assert.equal(await tryRecord(DECLARATION, { $type: DECLARATION, text }), 'indexed')
  assert.equal(await post({ text }), 'dropped')
})

test('nesting that a parser survives is kept or dropped, never thrown', async () => {
  for (const depth of [100, 1_000, 20_000]) {
    const text = `{"$type":"${DECLARATION}","deep":${'['.repeat(depth)}${']'.repeat(depth)}}`
    const event = create(++made, [ALICE, DECLARATION, `deep${depth}`], {}, { cid: cidOf('deep') })
    const { plan, applied } = await apply(db.pool, [
      { ...event, record: JSON.parse(text) as JsonObject } as StreamEvent,
    ])
    assert.equal(applied.applied.length + (plan.drops.get('too_deep') ?? 0), 1)
  }
})

test('dates without meaning drop a record that needs one; odd dates that are valid are kept as text that sorts', async () => {
  for (const createdAt of [
    '',
    'soon',
    '2024-01-02',
    '2024-13-01T00:00:00Z',
    '+010000-01-01T00:00:00Z',
    '2024-01-01T00:00:00-00:00',
    '2024-01-01T00:00:00',
  ])
    assert.equal(await post({ createdAt }), 'dropped', createdAt)
  for (const [createdAt, expected] of [
    ['2023-05-01T10:00:00.123456789Z', '2023-05-01T10:00:00.123Z'],
    ['2023-05-01T10:00:00+14:00', '2023-04-30T20:00:00.000Z'],
    ['9999-12-31T23:59:59Z', '9999-12-31T23:59:59.000Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
  ] as const) {
    assert.equal(await post({ createdAt }), 'indexed', createdAt)
    const [row] = await rowsOf(db.pool, 'post', { uri: at(ALICE, 'post', `k${made - 1}`) })
    assert.deepEqual(
      [row?.['createdAt'], row?.['sortAt']],
      [expected, expected < timeOf(made) ? expected : timeOf(made)],
    )
  }
})

test('a repository named after a collection gets its gates right', async () => {
  const did = 'did:web:app.bsky.feed.post.example.com'
  const gate = { post: at(did, 'post', 'p'), allow: [], createdAt: timeOf(2) }
  await apply(db.pool, [
    create(1, [did, 'post', 'p'], { text: 'x', createdAt: timeOf(1) }),
    create(2, [did, 'threadgate', 'p'], gate),
  ])
  const [row] = await rowsOf(db.pool, 'post', { creator: did })
  assert.equal(row?.['hasThreadGate'], true)
  await apply(db.pool, [remove(3, [did, 'threadgate', 'p'])])
  assert.equal((await rowsOf(db.pool, 'post', { creator: did }))[0]?.['hasThreadGate'], false)
})

test('a picture of an unknown kind in a gallery does not cost the post', async () => {
  const items = [{ $type: 'app.bsky.embed.gallery#hologram' }]
  assert.equal(await post({ embed: { $type: 'app.bsky.embed.gallery', items } }), 'indexed')
})

test('whatever a record holds, it is indexed exactly or dropped with a reason', async () => {
  const value = fc.jsonValue({ maxDepth: 3 })
  const posts = fc.record({
    text: fc.string({ unit: 'binary' }),
    extra: value,
    langs: fc.array(fc.string({ unit: 'binary' })),
  })
  await fc.assert(
    fc.asyncProperty(posts, value, async (fields, anything) => {
      await post(JSON.parse(JSON.stringify(fields)) as object)
      await tryRecord(DECLARATION, {
        $type: DECLARATION,
        anything: JSON.parse(JSON.stringify(anything)) as Json,
      })
    }),
    { numRuns: 60, seed: 1 },
  )
})

test('a like of anything that has the form of a record is a like', async () => {
  const subject = ref(at(didOf('bob'), 'com.example.future', 'x'))
  assert.equal(
    await tryRecord('like', { $type: 'app.bsky.feed.like', subject, createdAt: timeOf(1) }),
    'indexed',
  )
})
