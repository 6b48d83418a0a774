import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { StreamEvent } from '../event/event.ts'
import {
  apply,
  at,
  backfilled,
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

before(async () => {
  db = await openTestDatabase()
})
after(() => db[Symbol.asyncDispose]())

/** A thread of one account, a gate that admits whom the account follows, a reply by another. */
const thread = (name: string) => {
  const [owner, guest] = [didOf(`${name}owner`), didOf(`${name}guest`)]
  const root = at(owner, 'post', 'root')
  const reply = { root: ref(root), parent: ref(root) }
  const allow = [{ $type: 'app.bsky.feed.threadgate#followingRule' }]
  return {
    owner,
    post: create(1, [owner, 'post', 'root'], { text: 'root', createdAt: timeOf(1) }),
    follow: create(2, [owner, 'follow', 'f'], { subject: guest, createdAt: timeOf(2) }),
    gate: create(3, [owner, 'threadgate', 'root'], { post: root, allow, createdAt: timeOf(3) }),
    reply: create(9, [guest, 'post', 'reply'], { text: 'reply', reply, createdAt: timeOf(9) }),
    isTurnedAway: async () =>
      (await rowsOf(db.pool, 'post', { uri: at(guest, 'post', 'reply') }))[0]?.['violatesThreadGate'] ===
      true,
  }
}

const oneByOne = async (...events: StreamEvent[]): Promise<void> => {
  for (const event of events) await apply(db.pool, [event])
}

test('a follow that comes after gate and reply lets the reply in, and one that had ended by then does not', async () => {
  const { post, gate, reply, follow, owner, isTurnedAway } = thread('late')
  await oneByOne(post, gate, reply)
  assert.equal(await isTurnedAway(), true)
  await oneByOne(follow)
  assert.equal(await isTurnedAway(), false)
  await oneByOne(remove(5, [owner, 'follow', 'f']))
  assert.equal(await isTurnedAway(), true)
})

test('a follow that ended after the reply still counts, also when its end is told first', async () => {
  const { post, gate, reply, follow, owner, isTurnedAway } = thread('ended')
  await oneByOne(remove(12, [owner, 'follow', 'f']), reply, gate, post)
  assert.equal(await isTurnedAway(), true)
  await oneByOne(follow)
  assert.equal(await isTurnedAway(), false)
})

test('a gate that had gone when the reply was written does not judge it, although its end is told last', async () => {
  const { post, gate, reply, owner, isTurnedAway } = thread('gone')
  await oneByOne(post, gate, reply)
  assert.equal(await isTurnedAway(), true)
  await oneByOne(remove(5, [owner, 'threadgate', 'root']))
  assert.equal(await isTurnedAway(), false)
})

test('a gate that was stored before its versions were kept judges, and goes on judging what it judged when it goes', async () => {
  const { post, gate, reply, owner, isTurnedAway } = thread('legacy')
  await oneByOne(post, gate)
  await db.pool.query({ text: 'delete from millrace.gate_version' })
  await oneByOne(reply)
  assert.equal(await isTurnedAway(), true)
  await oneByOne(remove(12, [owner, 'threadgate', 'root']))
  assert.equal(await isTurnedAway(), true)
})

test('a gate that hides a reply, and comes late, takes back what replies below it told further up', async () => {
  const { post, owner, reply } = thread('hides')
  const [root, hidden] = [at(owner, 'post', 'root'), at(didOf('hidesguest'), 'post', 'reply')]
  const third = didOf('hidesthird')
  const below = create(11, [third, 'post', 'below'], {
    text: 'below',
    reply: { root: ref(root), parent: ref(hidden) },
    createdAt: timeOf(11),
  })
  const hiding = { post: root, hiddenReplies: [hidden], createdAt: timeOf(10) }
  const told = async () =>
    (await rowsOf(db.pool, 'notification', { author: third })).map((row) => row['did']).sort()
  await oneByOne(post, reply, below)
  assert.deepEqual(await told(), [didOf('hidesguest'), owner].sort())
  await oneByOne(create(10, [owner, 'threadgate', 'root'], hiding))
  assert.deepEqual(await told(), [didOf('hidesguest')])
})

test('of a deleted post only its place is kept, not what it said', async () => {
  const { post, owner } = thread('silent')
  await oneByOne(post, remove(5, [owner, 'post', 'root']))
  const kept = await rowsOf(db.pool, 'millrace.deleted_post', { uri: at(owner, 'post', 'root') })
  assert.equal(kept.length, 1)
  assert.equal(JSON.stringify(kept).includes('text'), false)
})

test('a record that a backfill brought first takes the date of the event that told of it live', async () => {
  const { post, owner } = thread('dated')
  await oneByOne(backfilled(post, 20), post)
  assert.equal((await rowsOf(db.pool, 'record', { did: owner }))[0]?.['indexedAt'], timeOf(1))
})
