import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { Json, StreamEvent } from '../event/event.ts'
import { DROP_REASONS, type DropReason } from './drop-reasons.ts'
import { planEvents, recordKey, recordKeyOfUri, revNumber } from './plan.ts'
import {
  account,
  at,
  backfilled,
  cidOf,
  create,
  didOf,
  identity,
  ref,
  remove,
  revOf,
  timeOf,
  update,
} from './testing.ts'

const ALICE = didOf('alice')
const BOB = didOf('bob')
const POST = { text: 'hello', createdAt: timeOf(1) }
const post = (n: number, text = 'hello'): StreamEvent => create(n, [ALICE, 'post', 'p'], { ...POST, text })

test('of several events for one record the one with the highest rev is the change, in whatever order they come', () => {
  const events = [
    post(1),
    update(3, [ALICE, 'post', 'p'], { ...POST, text: 'third' }),
    remove(2, [ALICE, 'post', 'p']),
  ]
  for (const order of [events, events.toReversed()]) {
    const { changes, superseded, repeated } = planEvents(order)
    assert.equal(changes.length, 1)
    assert.equal(changes[0]?.put?.record['text'], 'third')
    assert.deepEqual([superseded, repeated], [2, 0])
  }
})

test('an event that a batch holds twice is repeated, not superseded', () => {
  const { changes, superseded, repeated } = planEvents([post(1), post(1)])
  assert.deepEqual([changes.length, superseded, repeated], [1, 0, 1])
})

test('changes come in the order of their keys, whatever the order of the events', () => {
  const events = Array.from({ length: 20 }, (_, n) => create(n, [ALICE, 'post', `p${n}`], POST))
  const keys = planEvents(events).changes.map(({ key }) => key)
  assert.deepEqual(keys, keys.toSorted())
  assert.deepEqual(planEvents(events.toReversed()).changes, planEvents(events).changes)
})

test('a delete is a change without a put', () => {
  const [change] = planEvents([remove(1, [ALICE, 'post', 'p'])]).changes
  assert.equal(change?.put, null)
  assert.equal(change?.uri, at(ALICE, 'post', 'p'))
})

const deep = (): Json => {
  let value: Json = 0
  for (let n = 0; n < 100_000; n++) value = [value]
  return value
}

const BAD: Record<DropReason, StreamEvent> = {
  unknown_collection: create(1, [ALICE, 'com.example.thing', 'x'], {}),
  invalid_record: create(1, [ALICE, 'post', 'p'], { text: 1 }),
  invalid_rev: create(1, [ALICE, 'post', 'p'], POST, { rev: 'newest' }),
  invalid_time: create(1, [ALICE, 'post', 'p'], POST, { time: 'yesterday' }),
  unstorable_text: create(1, [ALICE, 'post', 'p'], { ...POST, text: 'a\u0000b' }),
  too_deep: create(
    1,
    [ALICE, 'chat.bsky.actor.declaration', 'self'],
    { nested: deep() },
    { cid: cidOf('deep') },
  ),
  foreign_list: create(1, [ALICE, 'listitem', 'i'], {
    list: at(BOB, 'list', 'l'),
    subject: BOB,
    createdAt: timeOf(1),
  }),
  foreign_gate: create(1, [ALICE, 'threadgate', 'x'], { post: at(ALICE, 'post', 'p'), createdAt: timeOf(1) }),
}

for (const reason of DROP_REASONS) {
  test(`an event that is ${reason} is dropped with that reason, and its neighbours are not`, () => {
    const { changes, drops } = planEvents([BAD[reason], post(2)])
    assert.deepEqual([...drops], [[reason, 1]])
    assert.equal(changes.length, 1)
  })
}

test('text that no database holds is found wherever it hides', () => {
  const bad = ['\u0000', '\ud800', 'x\udc00']
  const hidden = bad.flatMap((text) => [
    create(1, [ALICE, 'post', 'p'], { ...POST, langs: [text] }),
    create(1, [ALICE, 'post', 'p'], { ...POST, tags: [text] }),
    create(1, [ALICE, 'post', `p${text}`], POST),
    create(1, [ALICE, 'post', 'p'], POST, { cid: `bafy${text}` }),
    create(1, [ALICE, 'profile', 'self'], { displayName: text }),
    remove(1, [ALICE, 'post', text]),
  ])
  for (const event of hidden) {
    const { changes, drops } = planEvents([event])
    assert.equal(changes.length, 0, JSON.stringify(event))
    assert.equal([...drops.values()].length, 1)
  }
})

test('a collection that is named like a property of every object is merely unknown', () => {
  const events = ['constructor', '__proto__', 'toString', 'hasOwnProperty'].map((name) =>
    create(1, [ALICE, name, 'x'], {}),
  )
  assert.deepEqual([...planEvents(events).drops], [['unknown_collection', 4]])
})

test('a record of an unknown collection is a change when asked for, unchecked and without a row', () => {
  const events = [
    create(1, [ALICE, 'com.example.thing', 'x'], { text: 1 }),
    remove(2, [ALICE, 'com.example.other', 'y']),
    create(3, [ALICE, 'post', 'p'], { text: 1 }),
  ]
  const { changes, drops } = planEvents(events, { indexUnknown: true })
  const found = changes.map(({ uri, put }) => [uri, put?.record['text'] ?? null, put?.row ?? null])
  assert.deepEqual(
    new Set(found),
    new Set([
      [at(ALICE, 'com.example.thing', 'x'), 1, null],
      [at(ALICE, 'com.example.other', 'y'), null, null],
    ]),
  )
  assert.deepEqual([...drops], [['invalid_record', 1]], 'what is known is checked as ever')
})

test('what has no name of a collection stays unknown, also when unknown ones are kept', () => {
  const events = ['constructor', '__proto__', 'a.b', 'com.example/x.thing', 'com.example.th\u0000ing'].map(
    (name) => create(1, [ALICE, name, 'x'], {}),
  )
  assert.deepEqual([...planEvents(events, { indexUnknown: true }).drops], [['unknown_collection', 5]])
})

test('an unknown record that cannot be stored, or is nested too deep, is dropped like a known one', () => {
  const path = [ALICE, 'com.example.thing', 'x'] as const
  const events = [
    create(1, [ALICE, 'com.example.thing', 'x\u0000'], {}),
    create(1, path, {}, { cid: 'bafy\ud800' }),
    create(1, path, { nested: deep() }, { cid: cidOf('deep') }),
    create(1, path, {}, { rev: 'newest' }),
    create(1, path, {}, { time: 'yesterday' }),
  ]
  const { changes, drops } = planEvents(events, { indexUnknown: true })
  assert.deepEqual(
    [changes, Object.fromEntries(drops)],
    [[], { unstorable_text: 2, too_deep: 1, invalid_rev: 1, invalid_time: 1 }],
  )
})

test('a rev as a number sorts as its text does', () => {
  const digit = fc.constantFrom(...'234567abcdefghijklmnopqrstuvwxyz')
  const tid = fc
    .tuple(fc.constantFrom(...'234567ab'), fc.array(digit, { minLength: 12, maxLength: 12 }))
    .map(([first, rest]) => first + rest.join(''))
  fc.assert(
    fc.property(tid, tid, (a, b) => {
      const [x, y] = [revNumber(a), revNumber(b)]
      assert.ok(x !== null && y !== null)
      assert.equal(x < y, a < b)
      assert.equal(x === y, a === b)
    }),
  )
})

test('a rev that is no TID, or more than a signed number of 64 bits, is none', () => {
  assert.equal(revNumber('bzzzzzzzzzzzz')?.toString(), (2n ** 63n - 1n).toString())
  for (const rev of ['', '3', 'c222222222222', 'jzzzzzzzzzzzz', '3l4cjkha6a7x1', '3L4CJKHA6A7X2'])
    assert.equal(revNumber(rev), null, rev)
})

test('the key of a record depends on its uri alone, and the records of an account lie together', () => {
  const key = recordKey(ALICE, 'app.bsky.feed.post/p')
  assert.equal(key, recordKeyOfUri(at(ALICE, 'post', 'p')))
  assert.match(key, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  assert.equal(key.slice(0, 18), recordKeyOfUri(at(ALICE, 'like', 'q')).slice(0, 18))
  assert.notEqual(key.slice(0, 18), recordKeyOfUri(at(BOB, 'post', 'p')).slice(0, 18))
})

test('the highest rev of a repo counts as its state: of live events each, of a backfill the closing one only', () => {
  const closing = {
    type: 'repo',
    seq: -1,
    time: timeOf(9),
    did: BOB,
    commit: cidOf('head'),
    rev: revOf(9),
  } as const
  const { syncs } = planEvents([
    post(5),
    remove(4, [ALICE, 'like', 'x']),
    backfilled(create(1, [BOB, 'post', 'p'], POST), 9),
    closing,
    backfilled(create(1, [didOf('carol'), 'post', 'p'], POST), 9),
  ])
  assert.deepEqual(
    [...syncs].map(([did, { rev }]) => [did, rev]),
    [
      [ALICE, revOf(5)],
      [BOB, revOf(9)],
    ],
  )
})

test('a rev that is none says nothing of the state of its repo', () => {
  const closing = {
    type: 'repo',
    seq: -1,
    time: timeOf(1),
    did: BOB,
    commit: cidOf('x'),
    rev: 'zzz',
  } as const
  const { syncs, drops } = planEvents([BAD.invalid_rev, closing])
  assert.equal(syncs.size, 0)
  assert.deepEqual([...drops], [['invalid_rev', 2]])
})

test('an event of a collection that is not kept moves the state of its repo all the same', () => {
  assert.equal(planEvents([BAD.unknown_collection]).syncs.get(ALICE)?.rev, revOf(1))
})

test('of the states of an account the latest by time stands, at the same time the one with the higher seq', () => {
  const newer = account(5, ALICE, true, null)
  const same = { ...account(6, ALICE, false, 'suspended'), time: timeOf(5) }
  for (const events of [
    [account(4, ALICE, false, 'deleted'), newer, same],
    [same, newer, account(4, ALICE, false, 'deleted')],
  ]) {
    assert.deepEqual(planEvents(events).accounts.get(ALICE), same)
  }
})

test('every account of a batch is to be known, and one whose identity is said to have changed for certain', () => {
  const { identities } = planEvents([
    post(1),
    identity(3, ALICE),
    identity(2, ALICE),
    post(4),
    create(1, [BOB, 'post', 'p'], POST),
  ])
  assert.deepEqual(
    [...identities.values()],
    [
      { did: ALICE, time: timeOf(3), force: true },
      { did: BOB, time: timeOf(1), force: false },
    ],
  )
})

test('an event from a backfill is not live', () => {
  const { changes } = planEvents([post(1), backfilled(create(1, [BOB, 'post', 'p'], POST), 2)])
  assert.deepEqual(
    new Map(changes.map(({ did, live }) => [did, live])),
    new Map([
      [ALICE, true],
      [BOB, false],
    ]),
  )
})

test('a reference to anything is taken as it is: only the form of a uri is checked', () => {
  const like = create(1, [ALICE, 'like', 'l'], {
    subject: ref(at(BOB, 'generator', 'g')),
    createdAt: timeOf(1),
  })
  assert.equal(planEvents([like]).changes[0]?.put?.row?.['subject'], at(BOB, 'generator', 'g'))
})
