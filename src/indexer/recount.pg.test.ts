import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { miscounted } from '../../test/conformance/counts.ts'
import { Deltas } from './aggregates.ts'
import { AGGREGATES } from './count-sources.ts'
import { foundByColumn, recount, type Recount } from './recount.ts'
import { keepResult, readResult } from './recount-result.ts'
import { apply, at, create, didOf, openTestDatabase, ref, rowsOf, timeOf, until } from './testing.ts'
import type { TestDatabase } from './testing.ts'
import { applyBatch } from './testing-tables.ts'
import { anyDelivery, anyHistory, deliver, eventsOf, marked, markOf } from './testing-history.ts'

const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 10)
const SEED = Number(process.env['PROPERTY_SEED'] ?? 20_250_601)

let db: TestDatabase
let runs = 0

before(async () => {
  db = await openTestDatabase()
})
after(() => db[Symbol.asyncDispose]())

const looking = (rangeRows = 5, on = db) => recount(on.pool, { repair: false, rangeRows })
const repairing = (rangeRows = 5, on = db) => recount(on.pool, { repair: true, rangeRows })

const wrong = (counted: Recount) => Object.entries(foundByColumn(counted)).filter(([, found]) => found > 0)

/** Whoever counts independently of the declarations agrees, of every line that is there. */
const oracle = async (on: TestDatabase): Promise<string[]> => {
  const names = ['post_agg', 'profile_agg', 'post', 'like', 'repost', 'quote', 'follow']
  const tables = await Promise.all(names.map(async (name) => [name, await rowsOf(on.pool, name)] as const))
  return miscounted(Object.fromEntries(tables))
}

const AUTHOR = didOf('author')
const POST = at(AUTHOR, 'post', 'p')
const dated = { createdAt: timeOf(1) }

/** One of everything that is counted, and two of what can be. */
const everything = (mark: string) => {
  const [a, b] = [didOf(`a${mark}`), didOf(`b${mark}`)]
  const post = at(a, 'post', 'p')
  const replying = { root: ref(post), parent: ref(post) }
  const quoting = { $type: 'app.bsky.embed.record', record: ref(post) }
  const events = [
    create(1, [a, 'post', 'p'], { text: 'x', ...dated }),
    create(2, [b, 'post', 'r'], { text: 'x', reply: replying, ...dated }),
    create(3, [b, 'post', 'q'], { text: 'x', embed: quoting, ...dated }),
    create(4, [a, 'like', 'l'], { subject: ref(post), ...dated }),
    create(5, [b, 'like', 'l'], { subject: ref(post), ...dated }),
    create(6, [b, 'repost', 't'], { subject: ref(post), ...dated }),
    create(7, [a, 'follow', 'f'], { subject: b, ...dated }),
    create(8, [b, 'follow', 'f'], { subject: a, ...dated }),
  ]
  return { a, b, post, events }
}

test('after random histories, by several writers, nothing is wrong, and no recount meanwhile finds anything', async () => {
  const property = fc.asyncProperty(anyHistory, anyDelivery, async (steps, delivery) => {
    const lanes = deliver(marked(eventsOf(steps), markOf(runs++)), delivery)
    let going = true
    const appliers = lanes.map(async (batches) => {
      for (const batch of batches) await applyBatch(db.pool, batch)
    })
    const all = Promise.all(appliers).finally(() => (going = false))
    while (going) assert.deepEqual(wrong(await looking(20)), [], 'while writers were at work')
    await all
    const counted = await looking()
    assert.deepEqual(wrong(counted), [])
    assert.ok(counted.complete)
  })
  await fc.assert(property, { numRuns: RUNS, seed: SEED, interruptAfterTimeLimit: 60_000 })
  assert.deepEqual(await oracle(db), [])
})

for (const { table, key, columns } of AGGREGATES)
  for (const column of columns)
    for (const by of [3, -1])
      test(`a ${column} that is wrong by ${by} is found, told and repaired`, async () => {
        await using own = await openTestDatabase(3)
        const { a, post, events } = everything('x')
        await apply(own.pool, events)
        const name = table === 'post_agg' ? post : a
        const change = `update bsky.${table} set "${column}" = "${column}" + $1 where ${key} = $2 returning "${column}" as stored`
        const { rows } = await own.pool.query<{ stored: number }>({ text: change, values: [by, name] })
        const stored = rows[0]?.stored ?? NaN
        const expected = [{ table, key: name, column, stored, counted: stored - by }]
        assert.deepEqual((await looking(2, own)).examples, expected)
        assert.notDeepEqual(await oracle(own), [], 'looking changes nothing')
        const mended = await repairing(2, own)
        const line = mended.columns.find((one) => one.column === column)
        assert.deepEqual(mended.examples, expected)
        assert.deepEqual(
          [line?.found, line?.repaired, line?.tooMuch, line?.tooLittle],
          [1, 1, Math.max(0, by), Math.max(0, -by)],
        )
        assert.deepEqual(wrong(await looking(2, own)), [])
        assert.deepEqual(await oracle(own), [])
      })

test('a missing line counts as zeros and is made; what no row counts for becomes zeros; a line of zeros is right', async () => {
  await using own = await openTestDatabase(3)
  const { a, post, events } = everything('x')
  await apply(own.pool, events)
  const before = [await rowsOf(own.pool, 'post_agg'), await rowsOf(own.pool, 'profile_agg')]
  await own.pool.query({ text: `delete from bsky.post_agg where uri = $1`, values: [post] })
  await own.pool.query({ text: `delete from bsky.profile_agg where did = $1`, values: [a] })
  await own.pool.query({
    text: `insert into bsky.post_agg (uri, "likeCount", "bookmarkCount") values ('at://nobody/x/1', 4, 9)`,
  })
  await own.pool.query({ text: `insert into bsky.profile_agg (did) values ('did:plc:zeros')` })
  const found = foundByColumn(await repairing(1, own))
  assert.deepEqual(found, {
    postsCount: 1,
    replyCount: 1,
    quoteCount: 1,
    likeCount: 2,
    repostCount: 1,
    followersCount: 1,
    followsCount: 1,
  })
  assert.deepEqual(wrong(await looking(1, own)), [])
  const [nobody] = await rowsOf(own.pool, 'post_agg', { uri: 'at://nobody/x/1' })
  assert.deepEqual(
    [nobody?.['likeCount'], nobody?.['bookmarkCount']],
    [0, 9],
    'what is not ours is left alone',
  )
  await own.pool.query({ text: `delete from bsky.post_agg where uri = 'at://nobody/x/1'` })
  await own.pool.query({ text: `delete from bsky.profile_agg where did = 'did:plc:zeros'` })
  assert.deepEqual([await rowsOf(own.pool, 'post_agg'), await rowsOf(own.pool, 'profile_agg')], before)
})

test('a reply that its gate turns away does not count, and a recount knows', async () => {
  await using own = await openTestDatabase(3)
  const { a, b, post, events } = everything('x')
  await apply(own.pool, [create(1, [a, 'threadgate', 'p'], { post, allow: [], ...dated }), ...events])
  const [reply] = await rowsOf(own.pool, 'post', { uri: at(b, 'post', 'r') })
  assert.equal(reply?.['violatesThreadGate'], true)
  assert.deepEqual(wrong(await looking(2, own)), [])
  const [line] = await rowsOf(own.pool, 'post_agg', { uri: post })
  assert.equal(line?.['replyCount'], 0)
})

test('tables without a single aggregate are rebuilt, range by range, whatever the size of a range', async () => {
  for (const rangeRows of [1, 3, 1_000]) {
    await using own = await openTestDatabase(3)
    for (const mark of ['x', 'y', 'z', 'w']) await apply(own.pool, everything(mark).events)
    const before = [await rowsOf(own.pool, 'post_agg'), await rowsOf(own.pool, 'profile_agg')]
    await own.pool.query({ text: 'truncate bsky.post_agg, bsky.profile_agg' })
    let ranges = 0
    const counted = await recount(own.pool, { repair: true, rangeRows, onRange: () => ranges++ })
    assert.deepEqual([await rowsOf(own.pool, 'post_agg'), await rowsOf(own.pool, 'profile_agg')], before)
    // Of each of the four: five rows of its post beside the two posts that nobody answered; seven rows of its two accounts.
    assert.deepEqual(
      counted.tables.map(({ table, keys, rows }) => [table, keys, rows]),
      [
        ['profile_agg', 8, 28],
        ['post_agg', 4, 20],
      ],
    )
    assert.ok(rangeRows === 1_000 ? ranges === 2 : ranges > 3, `${ranges} ranges of ${rangeRows}`)
  }
})

test('rows and counts that are not committed yet, or are while it looks, are no drift', async () => {
  await using own = await openTestDatabase(4)
  await own.pool.transaction(async (tx) => {
    await tx.query(aLike)
    await oneMore().write(tx, 'bsky')
    const counted = await looking(1, own)
    assert.deepEqual([wrong(counted), counted.tables.map(({ keys }) => keys)], [[], [0, 0]])
  })
  const counted = await looking(1, own)
  assert.deepEqual([wrong(counted), counted.tables.map(({ keys }) => keys)], [[], [0, 1]])
})

test('who has locked the line and not committed is waited for, and counted', async () => {
  await using own = await openTestDatabase(4)
  await own.pool.query({
    text: `insert into bsky.post_agg (uri, "likeCount") values ($1, 7)`,
    values: [POST],
  })
  const free = Promise.withResolvers<void>()
  const isHeld = Promise.withResolvers<void>()
  const writer = own.pool.transaction(async (tx) => {
    await tx.query(aLike)
    await oneMore().write(tx, 'bsky')
    isHeld.resolve()
    await free.promise
  })
  await isHeld.promise
  const mending = repairing(5, own)
  const waiters = `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
  await until('the recount waits', async () => (await own.pool.query({ text: waiters })).count > 0)
  free.resolve()
  await Promise.all([writer, mending])
  assert.equal((await rowsOf(own.pool, 'post_agg'))[0]?.['likeCount'], 1)
  assert.deepEqual(wrong(await looking(5, own)), [])
})

test('who has written a row and not yet its count adds to what the recount has set right', async () => {
  await using own = await openTestDatabase(4)
  await own.pool.query({
    text: `insert into bsky.post_agg (uri, "likeCount") values ($1, 7)`,
    values: [POST],
  })
  await own.pool.transaction(async (tx) => {
    await tx.query(aLike)
    const counted = await repairing(5, own)
    assert.deepEqual(
      counted.examples.map(({ stored, counted: rows }) => [stored, rows]),
      [[7, 0]],
    )
    await oneMore().write(tx, 'bsky')
  })
  assert.equal((await rowsOf(own.pool, 'post_agg'))[0]?.['likeCount'], 1)
  assert.deepEqual(wrong(await looking(5, own)), [])
})

const aLike = {
  text: `insert into bsky.like (uri, cid, creator, subject, "subjectCid", "createdAt", "indexedAt")
    values ('at://did:plc:fan/app.bsky.feed.like/1', 'c', 'did:plc:fan', $1, 'c', $2, $2)`,
  values: [POST, timeOf(1)],
}
const oneMore = (): Deltas => {
  const deltas = new Deltas()
  deltas.add('post_agg', POST, 'likeCount', 1)
  return deltas
}

test('repairs, several at a time, among writers at work: every count is right in the end, and nothing breaks', async () => {
  await using own = await openTestDatabase(8)
  const fans = Array.from({ length: 240 }, (_, n) =>
    [...String(n)].map((d) => 'abcdefghij'[Number(d)]).join(''),
  )
  const events = fans.map((fan, n) =>
    create(n, [didOf(`fan${fan}z`), 'like', `l${n}`], {
      subject: ref(at(AUTHOR, 'post', `p${n % 6}`)),
      ...dated,
    }),
  )
  const lanes = [0, 1, 2].map((lane) => events.filter((_, n) => n % 3 === lane))
  let going = true
  const writers = Promise.all(
    lanes.map(async (lane) => {
      for (let from = 0; from < lane.length; from += 8) await apply(own.pool, lane.slice(from, from + 8))
    }),
  ).finally(() => (going = false))
  const vandal = async () => {
    for (let n = 0; going; n++) {
      const uri = at(AUTHOR, 'post', `p${n % 6}`)
      const text = `insert into bsky.post_agg as t (uri, "likeCount") values ($1, 5) on conflict (uri) do update set "likeCount" = t."likeCount" + 5`
      await own.pool.query({ text, values: [uri] })
      await repairing(10, own)
    }
  }
  await Promise.all([writers, vandal(), vandal()])
  await repairing(10, own)
  assert.deepEqual(wrong(await looking(10, own)), [])
  assert.deepEqual(await oracle(own), [])
  const likes = (await rowsOf(own.pool, 'post_agg')).map((row) => row['likeCount'])
  assert.deepEqual(likes, [40, 40, 40, 40, 40, 40])
})

test('a recount that is stopped says that it is not complete', async () => {
  const stop = new AbortController()
  const counted = await recount(db.pool, {
    repair: false,
    rangeRows: 1,
    signal: stop.signal,
    onRange: () => stop.abort(),
  })
  assert.equal(counted.complete, false)
})

test('what the last recount found is kept; what nobody understands is as if there were none', async () => {
  await using own = await openTestDatabase(2)
  assert.equal(await readResult(own.pool), null)
  const found = foundByColumn(await looking(5, own))
  assert.ok(await keepResult(own.pool, { timeSeconds: 1, found }))
  assert.ok(await keepResult(own.pool, { timeSeconds: 2, found: { ...found, likeCount: 3 } }))
  const kept = await readResult(own.pool)
  assert.deepEqual([kept?.timeSeconds, kept?.found['likeCount'], kept?.found['postsCount']], [2, 3, 0])
  for (const value of ['{', '[]', 'null', '{"timeSeconds":1}', '{"timeSeconds":1,"found":null}']) {
    await own.pool.query({
      text: `update millrace.meta set value = $1 where key = 'recount'`,
      values: [value],
    })
    assert.equal(await readResult(own.pool), null, value)
  }
})
