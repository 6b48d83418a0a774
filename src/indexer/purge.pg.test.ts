import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { StreamEvent } from '../event/event.ts'
import type { Lookup } from './lookup.ts'
import { purgeAccount } from './purge.ts'
import {
  account,
  apply,
  at,
  create,
  didOf,
  openTestDatabase,
  ref,
  rowsOf,
  timeOf,
  type TestDatabase,
} from './testing.ts'
import { asked, named, settleWith } from './testing-accounts.ts'

let db: TestDatabase

before(async () => {
  db = await openTestDatabase()
})
after(() => db[Symbol.asyncDispose]())

const settle = (lookup: Lookup, ...events: StreamEvent[]) => settleWith(db.pool, lookup, events)
const OK = { active: true, status: null }

/** Everything of everybody that names the account. */
const traces = async (did: string): Promise<string[]> => {
  const tables = [
    'record',
    'post',
    'post_embed_record',
    'feed_item',
    'quote',
    'like',
    'repost',
    'follow',
    'actor_block',
    'profile',
    'list',
    'list_item',
    'list_block',
    'starter_pack',
    'feed_generator',
    'thread_gate',
    'post_gate',
    'verification',
    'labeler',
    'reference_list_opt_out',
    'duplicate_record',
    'notification',
    'actor',
  ]
  const found = await Promise.all(
    tables.map(async (table) => {
      const condition = table === 'notification' ? 'did = $1 or author = $1' : `t::text like '%' || $1 || '%'`
      const { count } = await db.pool.query({
        text: `select 1 from bsky."${table}" t where ${condition}`,
        values: [did],
      })
      return count > 0 ? [`${table}: ${count}`] : []
    }),
  )
  return found.flat()
}

const busyLife = (did: string, friend: string): StreamEvent[] => {
  const dated = (n: number) => ({ createdAt: timeOf(n) })
  const own = ref(at(did, 'post', 'p'))
  const theirs = ref(at(friend, 'post', 'p'))
  const list = at(did, 'list', 'l')
  return [
    create(1, [friend, 'post', 'p'], { text: 'friend', ...dated(1) }),
    create(2, [did, 'post', 'p'], { text: 'mine', reply: { root: theirs, parent: theirs }, ...dated(2) }),
    create(3, [did, 'post', 'q'], {
      text: 'quote',
      embed: { $type: 'app.bsky.embed.record', record: theirs },
      ...dated(3),
    }),
    create(4, [did, 'like', 'a'], { subject: theirs, ...dated(4) }),
    create(5, [did, 'like', 'b'], { subject: theirs, ...dated(5) }),
    create(6, [did, 'repost', 'r'], { subject: theirs, ...dated(6) }),
    create(7, [did, 'follow', 'f'], { subject: friend, ...dated(7) }),
    create(8, [did, 'block', 'b'], { subject: didOf('foe'), ...dated(8) }),
    create(9, [did, 'profile', 'self'], { displayName: 'me' }),
    create(10, [did, 'list', 'l'], { name: 'l', purpose: 'app.bsky.graph.defs#curatelist', ...dated(10) }),
    create(11, [did, 'listitem', 'i'], { list, subject: friend, ...dated(11) }),
    create(12, [did, 'threadgate', 'p'], { post: own.uri, allow: [], ...dated(12) }),
    create(13, [did, 'verification', 'v'], {
      subject: friend,
      handle: 'f.test',
      displayName: 'f',
      ...dated(13),
    }),
    create(14, [did, 'starterpack', 's'], { name: 's', list, ...dated(14) }),
    create(15, [friend, 'follow', 'f'], { subject: didOf('stays'), ...dated(15) }),
  ]
}

test('an account that is deleted takes everything of its own with it, and the counts of others stay exact', async () => {
  const [did, friend] = [didOf('leaver'), didOf('friend')]
  const life = busyLife(did, friend)
  const gone = asked({
    [did]: { identity: 'gone', status: 'gone' },
    [friend]: named('friend.test'),
    [didOf('stays')]: named('stays.test'),
  })
  await settle(asked({ [did]: named('leaver.test'), [friend]: named('friend.test') }), ...life)
  assert.notDeepEqual(await traces(did), [])
  await settle(gone, account(20, did, false, 'deleted'))
  assert.deepEqual(await traces(did), [])
  const [agg] = await rowsOf(db.pool, 'post_agg', { uri: at(friend, 'post', 'p') })
  assert.deepEqual(
    [agg?.['likeCount'], agg?.['repostCount'], agg?.['quoteCount'], agg?.['replyCount']],
    [0, 0, 0, 0],
  )
  const [profile] = await rowsOf(db.pool, 'profile_agg', { did: friend })
  assert.deepEqual(
    [profile?.['followersCount'], profile?.['followsCount'], profile?.['postsCount']],
    [0, 1, 1],
  )
  const { voided } = await apply(db.pool, life)
  assert.equal(voided.length, 13)
  assert.deepEqual(await traces(did), [], 'late events bring nothing back')
  await apply(db.pool, [create(30, [did, 'profile', 'self'], { displayName: 'again' })])
  assert.deepEqual(await traces(did), ['record: 1', 'profile: 1'], 'what it does after its return counts')
})

test('a deletion that only an old PDS tells deletes nothing', async () => {
  const did = didOf('phoenix')
  const alive = asked({ [did]: { ...named('phoenix.test'), status: OK } })
  await settle(alive, create(1, [did, 'profile', 'self'], { displayName: 'me' }))
  await settle(alive, account(2, did, false, 'deleted'))
  assert.equal((await rowsOf(db.pool, 'profile', { creator: did })).length, 1)
})

test('a deletion ends also where the database holds records of collections that are not known here', async () => {
  const did = didOf('stranger')
  await db.pool.query({
    text: `insert into bsky.record (uri, cid, did, json, "indexedAt")
      select 'at://' || $1 || '/com.example.new/' || n, 'x', $1, '{}', $2 from generate_series(1, 2500) n`,
    values: [did, timeOf(1)],
  })
  await apply(db.pool, [create(1, [did, 'profile', 'self'], { displayName: 'me' })])
  assert.equal(await purgeAccount(db.pool, did, timeOf(2)), 2_501)
  assert.deepEqual(await rowsOf(db.pool, 'record', { did }), [])
})

test('what an account did after its return stays when its deletion is carried out late', async () => {
  const [did, friend] = [didOf('returner'), didOf('host')]
  const like = (n: number) =>
    create(n, [did, 'like', `l${n}`], { subject: ref(at(friend, 'post', `p${n}`)), createdAt: timeOf(n) })
  await apply(db.pool, [like(1), like(5)])
  await purgeAccount(db.pool, did, timeOf(3))
  assert.deepEqual(
    (await rowsOf(db.pool, 'like', { creator: did })).map(({ uri }) => uri),
    [at(did, 'like', 'l5')],
  )
  assert.deepEqual(
    (await rowsOf(db.pool, 'notification', { author: did })).map(({ recordUri }) => recordUri),
    [at(did, 'like', 'l5')],
  )
})
