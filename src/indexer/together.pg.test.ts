import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import type { StreamEvent } from '../event/event.ts'
import {
  apply,
  at,
  create,
  didOf,
  openTestDatabase,
  ref,
  remove,
  rowsOf,
  timeOf,
  until,
  type TestDatabase,
} from './testing.ts'
import { anyHistory, eventsOf, marked, markOf } from './testing-history.ts'

let db: TestDatabase

before(async () => {
  db = await openTestDatabase()
})
after(() => db[Symbol.asyncDispose]())

const AUTHOR = didOf('author')
const like = (n: number, did: string, subject: string, rkey = `l${n}`): StreamEvent =>
  create(n, [did, 'like', rkey], { subject: ref(subject), createdAt: timeOf(n) })

const one = async (table: string, where: Record<string, string>) => (await rowsOf(db.pool, table, where))[0]

const inBatches = async (events: readonly StreamEvent[], size: number): Promise<void> => {
  for (let from = 0; from < events.length; from += size) await apply(db.pool, events.slice(from, from + size))
}

test('a thousand likes of one post by four writers at once make a thousand, not one more or less', async () => {
  const post = at(AUTHOR, 'post', 'popular')
  const letters = (n: number) => [...String(n)].map((digit) => 'abcdefghij'[Number(digit)]).join('')
  const events = Array.from({ length: 1_000 }, (_, n) => like(n, didOf(`fan${letters(n)}z`), post))
  const shares = [0, 1, 2, 3].map((writer) => events.filter((_, n) => n % 4 === writer || n % 7 === writer))
  await Promise.all(shares.map((share) => inBatches(share, 50)))
  assert.equal((await one('post_agg', { uri: post }))?.['likeCount'], 1_000)
  assert.equal((await rowsOf(db.pool, 'like', { subject: post })).length, 1_000)
  assert.equal((await rowsOf(db.pool, 'notification', { reasonSubject: post })).length, 1_000)
})

test('a like, its withdrawal and another like in one batch are one like and one notification', async () => {
  const did = didOf('fickle')
  const post = at(AUTHOR, 'post', 'fickle')
  await apply(db.pool, [like(1, did, post, 'a'), remove(2, [did, 'like', 'a']), like(3, did, post, 'b')])
  assert.deepEqual(
    (await rowsOf(db.pool, 'like', { creator: did })).map(({ uri }) => uri),
    [at(did, 'like', 'b')],
  )
  assert.equal((await one('post_agg', { uri: post }))?.['likeCount'], 1)
  assert.equal((await rowsOf(db.pool, 'notification', { author: did })).length, 1)
})

test('of two likes of one post by one account the older counts; when it goes the other takes its place', async () => {
  const did = didOf('double')
  const post = at(AUTHOR, 'post', 'double')
  const [first, second, third] = [like(1, did, post, 'a'), like(2, did, post, 'b'), like(3, did, post, 'c')]
  await apply(db.pool, [second])
  await apply(db.pool, [third, first])
  const state = async () => ({
    held: (await rowsOf(db.pool, 'like', { creator: did })).map(({ uri }) => uri),
    told: (await rowsOf(db.pool, 'notification', { author: did })).map(({ recordUri }) => recordUri),
    count: (await one('post_agg', { uri: post }))?.['likeCount'],
  })
  const uri = (rkey: string) => at(did, 'like', rkey)
  const waiting = async (holder: string) =>
    (await rowsOf(db.pool, 'duplicate_record', { duplicateOf: uri(holder) })).map((row) => row['uri'])
  assert.deepEqual(await state(), { held: [uri('a')], told: [uri('a')], count: 1 })
  assert.deepEqual(await waiting('a'), [uri('b'), uri('c')])
  await apply(db.pool, [remove(4, [did, 'like', 'a'])])
  assert.deepEqual(await state(), { held: [uri('b')], told: [uri('b')], count: 1 })
  assert.deepEqual(await waiting('b'), [uri('c')])
  await apply(db.pool, [remove(5, [did, 'like', 'b']), remove(6, [did, 'like', 'c'])])
  assert.deepEqual(await state(), { held: [], told: [], count: 0 })
  assert.deepEqual(await rowsOf(db.pool, 'record', { did }), [])
})

test('a duplicate is never left behind when it is deleted while it is promoted', async () => {
  for (let round = 0; round < 20; round++) {
    const did = didOf(`race${'abcdefghijklmnopqrst'[round]}`)
    const post = at(AUTHOR, 'post', `race${round}`)
    await apply(db.pool, [like(1, did, post, 'a'), like(2, did, post, 'b')])
    await Promise.all([
      apply(db.pool, [remove(3, [did, 'like', 'a'])]),
      apply(db.pool, [remove(4, [did, 'like', 'b'])]),
    ])
    assert.deepEqual(await rowsOf(db.pool, 'like', { creator: did }), [])
    assert.deepEqual(await rowsOf(db.pool, 'duplicate_record', { duplicateOf: at(did, 'like', 'a') }), [])
    assert.equal((await one('post_agg', { uri: post }))?.['likeCount'], 0)
  }
})

test('duplicates that many writers bring at once end with one holder, and everybody else behind it', async () => {
  const did = didOf('many')
  const post = at(AUTHOR, 'post', 'many')
  const events = Array.from({ length: 40 }, (_, n) => like(n + 1, did, post))
  await Promise.all(
    [0, 1, 2, 3].map((writer) => inBatches(events.filter((_, n) => (n * 7) % 4 === writer).reverse(), 3)),
  )
  assert.deepEqual(
    (await rowsOf(db.pool, 'like', { creator: did })).map(({ uri }) => uri),
    [at(did, 'like', 'l1')],
  )
  assert.equal((await rowsOf(db.pool, 'duplicate_record', { duplicateOf: at(did, 'like', 'l1') })).length, 39)
  assert.equal((await one('post_agg', { uri: post }))?.['likeCount'], 1)
})

test('a deadlock is repeated and told', async () => {
  const [a, b] = [didOf('deada'), didOf('deadb')]
  const conflicts: string[] = []
  const locked = Promise.withResolvers<void>()
  const someoneWaits = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
  const count = (did: string) => ({
    text: `insert into bsky.profile_agg (did) values ($1) on conflict (did) do update set "postsCount" = 0`,
    values: [did],
  })
  const other = db.pool.transaction(
    async (tx) => {
      await tx.query(count(b))
      locked.resolve()
      await until('the other one waits', async () => (await db.pool.query({ text: someoneWaits })).count > 0)
      await tx.query(count(a))
    },
    { onRetry: (state) => conflicts.push(state) },
  )
  await locked.promise
  const follow = create(1, [a, 'follow', 'f'], { subject: b, createdAt: timeOf(1) })
  await Promise.all([other, apply(db.pool, [follow], { onConflict: (state) => conflicts.push(state) })])
  assert.deepEqual(conflicts, ['40P01'])
  assert.equal((await rowsOf(db.pool, 'follow', { creator: a })).length, 1)
})

/** Every aggregate beside what counting says; lines that agree are left out. */
const DRIFT = {
  likeCount: `select a.uri, a."likeCount" as said, (select count(*) from bsky.like t where t.subject = a.uri) as counted from bsky.post_agg a`,
  repostCount: `select a.uri, a."repostCount" as said, (select count(*) from bsky.repost t where t.subject = a.uri) as counted from bsky.post_agg a`,
  quoteCount: `select a.uri, a."quoteCount" as said, (select count(*) from bsky.quote t where t.subject = a.uri) as counted from bsky.post_agg a`,
  replyCount: `select a.uri, a."replyCount" as said, (select count(*) from bsky.post t where t."replyParent" = a.uri and t."violatesThreadGate" is not true) as counted from bsky.post_agg a`,
  followersCount: `select a.did, a."followersCount" as said, (select count(*) from bsky.follow t where t."subjectDid" = a.did) as counted from bsky.profile_agg a`,
  followsCount: `select a.did, a."followsCount" as said, (select count(*) from bsky.follow t where t.creator = a.did) as counted from bsky.profile_agg a`,
  postsCount: `select a.did, a."postsCount" as said, (select count(*) from bsky.post t where t.creator = a.did) as counted from bsky.profile_agg a`,
  'posts without a line': `select t.subject, 0 as said, 1 as counted from bsky.like t left join bsky.post_agg a on a.uri = t.subject where a.uri is null`,
  'accounts without a line': `select t.creator, 0 as said, 1 as counted from bsky.post t left join bsky.profile_agg a on a.did = t.creator where a.did is null`,
}

test('after all that has happened here and forty random histories, every aggregate equals a recount', async () => {
  const histories = fc.sample(anyHistory, { numRuns: 40, seed: 7 })
  const lanes = [0, 1, 2].map((lane) => histories.filter((_, index) => index % 3 === lane))
  await Promise.all(
    lanes.map(async (share, lane) => {
      for (const [index, steps] of share.entries())
        await inBatches(marked(eventsOf(steps), markOf(lane * 1_000 + index)).toReversed(), 7)
    }),
  )
  for (const [what, text] of Object.entries(DRIFT)) {
    const { rows } = await db.pool.query({ text: `select * from (${text}) d where said <> counted` })
    assert.deepEqual(rows, [], what)
  }
})
