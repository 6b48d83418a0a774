import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Pool } from '../db/pool.ts'
import type { StreamEvent } from '../event/event.ts'
import { linesOf } from './drop-line.ts'
import { keepDropped, listDropped, MAX_DROPPED, type DroppedQuery } from './dropped.ts'
import { planEvents } from './plan.ts'
import { purgeAccount } from './purge.ts'
import { apply, at, create, didOf, openTestDatabase, rowsOf, timeOf, type TestDatabase } from './testing.ts'

let db: TestDatabase

before(async () => {
  db = await openTestDatabase()
})
after(() => db[Symbol.asyncDispose]())

const [ALICE, BOB] = [didOf('alice'), didOf('bob')]
const bad = (n: number, did: string, rkey = `p${n}`): StreamEvent =>
  create(n, [did, 'post', rkey], { text: n, createdAt: timeOf(n) })
const good = (n: number, did: string): StreamEvent =>
  create(n, [did, 'post', `g${n}`], { text: 'x', createdAt: timeOf(n) })
const list = (query: Partial<DroppedQuery> = {}) =>
  listDropped(db.pool, { reasons: [], did: null, limit: 100, ...query })
const kept = async (): Promise<number> => (await rowsOf(db.pool, 'millrace.dropped')).length

const statementsOf = async (pool: Pool, work: () => Promise<unknown>): Promise<number> => {
  let statements = 0
  const nothing = () => undefined
  const onStatement = () => (statements += 1)
  const stop = pool.observe({ onStatement, onWait: nothing, onError: nothing, onRows: nothing })
  await work()
  stop()
  return statements
}

test('what a batch drops as invalid is listed, the newest first, and once however often it comes', async () => {
  const foreign = create(3, [ALICE, 'threadgate', 'x'], { post: at(BOB, 'post', 'p'), createdAt: timeOf(1) })
  const batch = [bad(1, ALICE), good(2, ALICE), foreign, bad(4, BOB)]
  await apply(db.pool, batch)
  await apply(db.pool, batch)
  await Promise.all([apply(db.pool, batch), apply(db.pool, batch.toReversed())])
  const { total, drops } = await list()
  assert.equal(total, 3)
  assert.deepEqual(
    drops.map(({ reason, uri }) => [reason, uri]),
    [
      ['invalid_record', at(BOB, 'post', 'p4')],
      ['foreign_gate', at(ALICE, 'threadgate', 'x')],
      ['invalid_record', at(ALICE, 'post', 'p1')],
    ],
  )
  assert.match(drops[0]?.seen ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  assert.deepEqual((await list({ reasons: ['foreign_gate'] })).total, 1)
  assert.deepEqual(
    (await list({ did: BOB })).drops.map(({ did }) => did),
    [BOB],
  )
  const one = await list({ limit: 1 })
  assert.deepEqual([one.total, one.drops.length], [3, 1])
})

test('a batch without invalid events costs no statement more, one with many costs one', async () => {
  const did = didOf('count')
  await apply(db.pool, [good(1, did)])
  const without = await statementsOf(db.pool, () => apply(db.pool, [good(2, did)]))
  const many = Array.from({ length: 50 }, (_, n) => bad(n, did, `c${n}`))
  const withMany = await statementsOf(db.pool, () => apply(db.pool, [good(3, did), ...many]))
  assert.equal(withMany, without + 1)
})

test('text that no database holds is listed and fails no batch', async () => {
  const did = didOf('nul')
  const events = ['\u0000', '\ud800'].flatMap((text) => [
    create(1, [did, 'post', `k${text}`], { text: 'x', createdAt: timeOf(1) }),
    create(1, [did, 'post', 'r'], { text: 'x', createdAt: timeOf(1) }, { rev: text }),
  ])
  const { plan } = await apply(db.pool, [...events, good(2, did)])
  assert.equal(plan.invalid.length, 4)
  assert.equal((await list({ did })).total, 4)
  assert.equal((await rowsOf(db.pool, 'record', { did })).length, 1)
  const strange = create(1, ['did:web:\u0000\ud800', 'post', 'p'], { text: 1 })
  await keepDropped(db.pool, linesOf([{ event: strange, reason: 'invalid_record' }]))
  assert.equal((await list({ did: 'did:web:\ufffd\ufffd' })).total, 1)
})

test('a deleted account takes its lines with it, and none comes back late', async () => {
  const did = didOf('leaver')
  const timeless = { ...bad(2, did), time: 'never' } as StreamEvent
  await apply(db.pool, [bad(1, did), timeless, bad(8, did)])
  assert.equal((await list({ did })).total, 3)
  await purgeAccount(db.pool, did, timeOf(5))
  assert.deepEqual(
    (await list({ did })).drops.map(({ at }) => at),
    [timeOf(8)],
  )
  await apply(db.pool, [bad(1, did), timeless])
  assert.equal((await rowsOf(db.pool, 'millrace.dropped', { did })).length, 1)
})

test('writers of the same lines do not wait for each other', async () => {
  const lines = linesOf(planEvents([bad(1, didOf('hot'))]).invalid)
  await db.pool.transaction(async (first) => {
    await keepDropped(first, lines)
    await db.pool.transaction((second) => keepDropped(second, lines))
  })
  assert.equal((await list({ did: didOf('hot') })).total, 1)
})

test('only the last ten thousand are kept, and who trims does not wait for who trims', async () => {
  const lines = (from: number, count: number) =>
    linesOf(planEvents(Array.from({ length: count }, (_, n) => bad(from + n, didOf('many')))).invalid)
  await keepDropped(db.pool, lines(0, MAX_DROPPED))
  await keepDropped(db.pool, lines(20_000, 100))
  assert.equal(await kept(), MAX_DROPPED)
  await db.pool.transaction(async (first) => {
    await keepDropped(first, lines(30_000, 10))
    await db.pool.transaction((second) => keepDropped(second, lines(40_000, 10)))
  })
  await keepDropped(db.pool, lines(50_000, 1))
  assert.equal(await kept(), MAX_DROPPED)
  const { drops } = await list({ limit: MAX_DROPPED })
  assert.equal(drops[0]?.uri, at(didOf('many'), 'post', 'p50000'))
  assert.ok(!drops.some(({ uri }) => uri === at(ALICE, 'post', 'p1')))
})
