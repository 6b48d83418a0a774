import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { JsonObject } from '../event/event.ts'
import { Deltas } from './aggregates.ts'
import { judgeReplies, settleReplies } from './settle-replies.ts'
import { apply, at, create, didOf, openTestDatabase, ref, rowsOf, type TestDatabase } from './testing.ts'

let db: TestDatabase
before(async () => {
  db = await openTestDatabase()
})
after(() => db[Symbol.asyncDispose]())

const post = (text: string, reply?: { root: string; parent: string }): JsonObject => ({
  text,
  createdAt: '2025-06-01T12:00:00.000Z',
  ...(reply && { reply: { root: ref(reply.root), parent: ref(reply.parent) } }),
})

const standing = async (uri: string) => {
  const [row] = await rowsOf(db.pool, 'post', { uri })
  return [row?.['invalidReplyRoot'], row?.['violatesThreadGate']]
}

test('a reply that two writers turn away at once is counted out once', async () => {
  const [host, guest] = [didOf('onehost'), didOf('oneguest')]
  const [root, reply] = [at(host, 'post', 'root'), at(guest, 'post', 'reply')]
  const gate = { post: root, allow: [], createdAt: '2025-06-01T12:00:00.000Z' }
  await apply(db.pool, [create(1, [host, 'post', 'root'], post('root'))])
  await apply(db.pool, [create(2, [host, 'threadgate', 'root'], gate)])
  await apply(db.pool, [create(3, [guest, 'post', 'reply'], post('no', { root, parent: root }))])
  assert.deepEqual(await standing(reply), [false, true])
  // As it was before anybody had looked at it.
  await db.pool.query({
    text: `update bsky.post set "invalidReplyRoot" = null, "violatesThreadGate" = null where uri = '${reply}'`,
  })
  await db.pool.query({ text: `update bsky.post_agg set "replyCount" = 1 where uri = '${root}'` })
  const { verdicts } = await judgeReplies(db.pool, 'bsky', [reply])
  assert.equal(verdicts.length, 1)
  const write = () =>
    db.pool.transaction(async (tx) => {
      const deltas = new Deltas()
      await settleReplies(tx, 'bsky', verdicts, deltas)
      await deltas.write(tx, 'bsky')
    })
  await Promise.all([write(), write()])
  assert.deepEqual(await standing(reply), [false, true])
  assert.equal((await rowsOf(db.pool, 'post_agg', { uri: root }))[0]?.['replyCount'], 0)
})

test('a reply is indexed while somebody else holds the post above it', async () => {
  const [host, guest] = [didOf('twohost'), didOf('twoguest')]
  const root = at(host, 'post', 'root')
  await apply(db.pool, [create(1, [host, 'post', 'root'], post('root'))])
  await db.pool.transaction(async (tx) => {
    await tx.query({ text: `select 1 from bsky.post where uri = '${root}' for update` })
    await apply(db.pool, [create(2, [guest, 'post', 'reply'], post('yes', { root, parent: root }))])
  })
  assert.deepEqual(await standing(at(guest, 'post', 'reply')), [null, null])
})

test('what a crash left undone far down a thread, the next delivery of its first post does', async () => {
  const did = didOf('threehost')
  const uris = ['a', 'b', 'c', 'd'].map((rkey) => at(did, 'post', rkey))
  const [root = '', , , last = ''] = uris
  const events = uris.map((uri, n) =>
    create(
      n + 1,
      [did, 'post', uri.slice(-1)],
      post(uri, n === 0 ? undefined : { root, parent: uris[n - 1] ?? '' }),
    ),
  )
  await apply(db.pool, events)
  await db.pool.query({
    text: `update bsky.post set "invalidReplyRoot" = true, "violatesThreadGate" = false where uri = '${last}'`,
  })
  await apply(db.pool, events.slice(0, 1))
  assert.deepEqual(await standing(last), [null, null])
})

test('whom a crash left told of a reply that was turned away, the next delivery of the gate tells otherwise', async () => {
  const [host, guest] = [didOf('fourhost'), didOf('fourguest')]
  const [root, reply] = [at(host, 'post', 'root'), at(guest, 'post', 'reply')]
  const gate = create(3, [host, 'threadgate', 'root'], {
    post: root,
    allow: [],
    createdAt: '2025-06-01T12:00:00.000Z',
  })
  await apply(db.pool, [create(1, [host, 'post', 'root'], post('root'))])
  await apply(db.pool, [create(9, [guest, 'post', 'reply'], post('no', { root, parent: root }))])
  const told = () => rowsOf(db.pool, 'notification', { recordUri: reply })
  const [notification] = await told()
  assert.equal(notification?.['did'], host)
  await apply(db.pool, [gate])
  assert.deepEqual(await told(), [])
  await db.pool.query({
    text: `insert into bsky.notification (did, author, "recordUri", "recordCid", reason, "reasonSubject", "sortAt")
      values ($1, $2, $3, $4, $5, $6, $7)`,
    values: ['did', 'author', 'recordUri', 'recordCid', 'reason', 'reasonSubject', 'sortAt'].map(
      (column) => notification?.[column],
    ),
  })
  await apply(db.pool, [gate])
  assert.deepEqual(await told(), [])
})
