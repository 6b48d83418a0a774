import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encode, toBytes } from '@atcute/cbor'
import fc from 'fast-check'
import { encodeEvent } from '../event/codec.ts'
import { convertMessage, DEFAULT_COLLECTIONS, type Conversion } from './convert.ts'
import { blockOf, carOf, commitMessage, DID, POST, recordBlock, REV, TIME } from './testing.ts'

const receivedAtMs = Date.parse('2025-11-01T00:00:10.000Z')
const options = { collections: DEFAULT_COLLECTIONS, receivedAtMs }
const post = recordBlock(POST)

const counted = ({ events, dropped }: Conversion): number =>
  events.length + Object.values(dropped).reduce((sum, amount) => sum + amount, 0)

test('a create becomes an event with its record as atproto JSON', () => {
  const message = commitMessage([{ cid: post.cid }], [post])
  const conversion = convertMessage(message, options)
  assert.deepEqual(conversion.events, [
    {
      type: 'create',
      seq: 1,
      time: TIME,
      did: DID,
      commit: message.commit,
      rev: REV,
      collection: 'app.bsky.feed.post',
      rkey: '3k',
      cid: post.cid,
      record: POST,
    },
  ])
  assert.deepEqual(conversion.dropped, {})
  assert.equal(conversion.resync, null)
})

test('links and byte strings of a record are written by their type, never by their look', () => {
  const link = recordBlock('linked')
  const record = recordBlock({
    $type: 'app.bsky.feed.post',
    bytes: toBytes(Uint8Array.from([1, 2, 255])),
    numbers: [1, 2, 255],
    nested: { ref: { $link: link.cid } },
    text: 'nul \u0000 and \\u0000',
  })
  const { events } = convertMessage(commitMessage([{ cid: record.cid }], [record]), options)
  assert.ok(events[0])
  const { record: written } = JSON.parse(encodeEvent(events[0])['event'] ?? '') as { record: object }
  assert.deepEqual(written, {
    $type: 'app.bsky.feed.post',
    bytes: { $bytes: 'AQL/' },
    numbers: [1, 2, 255],
    nested: { ref: { $link: link.cid } },
    text: 'nul \u0000 and \\u0000',
  })
})

test('the collection filter is by NSID segments', () => {
  const table: [string, boolean][] = [
    ['app.bsky.feed.post', true],
    ['app.bsky.graph.verification', true],
    ['chat.bsky.actor.declaration', true],
    ['app.bskyish.feed.post', false],
    ['app.bsky', false],
    ['com.example.app.bsky.feed.post', false],
    ['fm.teal.alpha.feed.play', false],
  ]
  for (const [collection, kept] of table) {
    const message = commitMessage([{ action: 'delete', path: `${collection}/3k` }])
    const { events, dropped } = convertMessage(message, options)
    assert.equal(events.length, kept ? 1 : 0, collection)
    if (!kept) assert.equal(dropped.filtered ?? dropped.invalid_path, 1, collection)
  }
})

test('a commit of which everything is filtered emits nothing, not even a repo event', () => {
  const other = recordBlock({ $type: 'fm.teal.play' })
  const message = commitMessage([{ path: 'fm.teal.alpha/1', cid: other.cid }], [other])
  assert.deepEqual(convertMessage(message, options), {
    events: [],
    dropped: { filtered: 1 },
    resync: null,
    bare: false,
    operations: [{ namespace: 'other', outcome: 'filtered', count: 1 }],
    received: 1,
    timeMs: Date.parse(TIME),
    timeReplaced: false,
  })
})

test('a delete needs no block', () => {
  const message = commitMessage([{ action: 'delete' }], [], { blocks: new Uint8Array() })
  const { events } = convertMessage(message, options)
  assert.equal(events[0]?.type, 'delete')
  assert.equal('record' in (events[0] ?? {}), false)
})

test('a missing block costs its own operation and asks for the repo', () => {
  const ops = [
    { path: 'app.bsky.feed.post/a', cid: post.cid },
    { path: 'app.bsky.feed.post/b', cid: recordBlock('elsewhere').cid },
    { path: 'app.bsky.feed.post/c', action: 'delete' as const },
  ]
  const { events, dropped, resync, received } = convertMessage(commitMessage(ops, [post]), options)
  assert.deepEqual(
    events.map((event) => [event.type, 'rkey' in event && event.rkey]),
    [
      ['create', 'a'],
      ['delete', 'c'],
    ],
  )
  assert.deepEqual(dropped, { missing_block: 1 })
  assert.deepEqual(resync, { did: DID, rev: REV, cause: 'incomplete' })
  assert.equal(received, 3)
})

test('a damaged CAR costs creates and updates, not deletes', () => {
  const car = carOf([post])
  const damages: [string, Uint8Array][] = [
    ['cut off', car.subarray(0, car.length - 3)],
    ['no CAR', Buffer.from('garbage that is long enough to look at')],
    ['a block with another content', Buffer.concat([car.subarray(0, -1), Buffer.from([car.at(-1)! ^ 1])])],
  ]
  for (const [what, blocks] of damages) {
    const ops = [
      { cid: post.cid },
      { action: 'update' as const, cid: post.cid },
      { action: 'delete' as const },
    ]
    const { events, dropped, resync } = convertMessage(commitMessage(ops, [], { blocks }), options)
    assert.deepEqual(
      events.map(({ type }) => type),
      ['delete'],
      what,
    )
    assert.deepEqual(dropped, { bad_blocks: 2 }, what)
    assert.equal(resync?.cause, 'incomplete', what)
  }
})

test('an invalid path costs only its own operation', () => {
  const paths = [
    '',
    'app.bsky.feed.post',
    'app.bsky.feed.post/',
    '/3k',
    'app.bsky.feed.post/a/b',
    'nonsid/3k',
    'app.bsky.feed.post/..',
    'app.bsky.feed.post/ü',
  ]
  const ops = [...paths.map((path) => ({ path, cid: post.cid })), { cid: post.cid }]
  const { events, dropped, resync } = convertMessage(commitMessage(ops, [post]), options)
  assert.equal(events.length, 1)
  assert.deepEqual(dropped, { invalid_path: paths.length })
  assert.equal(resync, null)
})

test('what is no DAG-CBOR map is an invalid record, and no reason to fetch the repo', () => {
  const deep = encode(Array.from({ length: 3000 }).reduce<unknown>((inner) => ({ a: inner }), 1))
  const blocks = [
    blockOf(Buffer.from([0xff, 0x00])),
    recordBlock([1, 2]),
    recordBlock('text'),
    recordBlock({ $link: post.cid }),
    recordBlock(toBytes(new Uint8Array(3))),
    blockOf(deep),
  ]
  for (const block of blocks) {
    const { events, dropped, resync } = convertMessage(commitMessage([{ cid: block.cid }], [block]), options)
    assert.deepEqual([events, dropped, resync], [[], { invalid_record: 1 }, null])
  }
})

test('a create that names no record is dropped and the repo asked for', () => {
  const { dropped, resync } = convertMessage(commitMessage([{ cid: null }], [post]), options)
  assert.deepEqual(dropped, { missing_cid: 1 })
  assert.equal(resync?.cause, 'incomplete')
})

test('a commit that was too big asks for the repo and keeps what it does say', () => {
  const ops = [{ action: 'delete' as const }, { cid: post.cid }]
  const { events, resync } = convertMessage(
    commitMessage(ops, [], { tooBig: true, blocks: new Uint8Array() }),
    options,
  )
  assert.deepEqual(
    events.map(({ type }) => type),
    ['delete'],
  )
  assert.deepEqual(resync, { did: DID, rev: REV, cause: 'too_big' })
})

test('a sync message asks for the repo', () => {
  const message = { type: 'sync', seq: 4, time: TIME, did: DID, rev: REV, blocks: new Uint8Array() } as const
  const { events, resync, received } = convertMessage(message, options)
  assert.deepEqual([events, resync, received], [[], { did: DID, rev: REV, cause: 'sync' }, 1])
})

test('an identity passes with and without a handle', () => {
  const message = { type: 'identity', seq: 4, time: TIME, did: DID } as const
  const event = { type: 'identity', seq: 4, time: TIME, did: DID }
  assert.deepEqual(convertMessage(message, options).events, [event])
  assert.deepEqual(convertMessage({ ...message, handle: 'a.test' }, options).events, [
    { ...event, handle: 'a.test' },
  ])
})

test('an account passes with every status, known or not', () => {
  const statuses = [
    'takendown',
    'suspended',
    'deleted',
    'deactivated',
    'desynchronized',
    'throttled',
    'new-word',
    null,
  ]
  for (const status of statuses) {
    const message = {
      type: 'account',
      seq: 4,
      time: TIME,
      did: DID,
      active: status === null,
      status,
    } as const
    assert.deepEqual(convertMessage(message, options).events, [message])
  }
})

test("an event keeps the upstream's time, normalised; an unbelievable one is replaced and said so", () => {
  const receipt = new Date(receivedAtMs).toISOString()
  const table: [string, string, boolean][] = [
    ['2025-11-01T00:00:00.123456789+00:00', '2025-11-01T00:00:00.123Z', false],
    ['2025-11-01T02:00:00+02:00', '2025-11-01T00:00:00.000Z', false],
    ['2023-01-01T00:00:00Z', '2023-01-01T00:00:00.000Z', false],
    ['2025-11-01T00:05:09.000Z', '2025-11-01T00:05:09.000Z', false],
    ['2025-11-01T00:05:11.000Z', receipt, true],
    ['9999-01-01T00:00:00.000Z', receipt, true],
    ['soon', receipt, true],
    ['', receipt, true],
  ]
  for (const [time, expected, replaced] of table) {
    const { events, timeReplaced } = convertMessage(
      commitMessage([{ action: 'delete' }], [], { time }),
      options,
    )
    assert.deepEqual([events[0]?.time, timeReplaced], [expected, replaced], time)
  }
})

test('any commit at all is converted without an exception, every operation counted, every event writable', () => {
  const op = fc.record({
    action: fc.constantFrom('create' as const, 'update' as const, 'delete' as const),
    path: fc.oneof(fc.string(), fc.constantFrom('app.bsky.feed.post/a', 'x.y.z/b')),
    cid: fc.oneof(fc.constantFrom(post.cid, null), fc.string()),
  })
  const car = carOf([post])
  const blocks = fc.oneof(
    fc.uint8Array(),
    fc.constant(car),
    fc.nat(car.length).map((end) => car.subarray(0, end)),
  )
  const record = fc.record({ ops: fc.array(op), blocks, tooBig: fc.boolean(), time: fc.string() })
  fc.assert(
    fc.property(record, ({ ops, ...more }) => {
      const conversion = convertMessage(commitMessage(ops, [], more), options)
      conversion.events.forEach(encodeEvent)
      const sum = conversion.operations.reduce((total, { count }) => total + count, 0)
      assert.equal(conversion.bare, ops.length === 0)
      assert.equal(sum, ops.length, 'each operation is counted in one namespace, once')
      return counted(conversion) === ops.length && conversion.received === Math.max(1, ops.length)
    }),
  )
})
