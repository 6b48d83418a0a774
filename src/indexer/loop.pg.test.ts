import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { startEmbeddedPostgres } from '../db/embedded.ts'
import { migrate } from '../db/migrate.ts'
import { openPool, type Pool } from '../db/pool.ts'
import type { StreamEvent } from '../event/event.ts'
import { FIREHOSE_LIVE, LABEL_LIVE } from '../event/streams.ts'
import { silentLogger } from '../lib/logger.ts'
import { freePort } from '../../test/harness/services.ts'
import { temporaryFolder } from '../../test/harness/servers.ts'
import {
  at,
  create,
  didOf,
  noise,
  openTestDatabase,
  ref,
  remove,
  rowsOf,
  timeOf,
  TOO_LONG,
  until,
  type TestDatabase,
} from './testing.ts'
import { append, appendLabels, isEmpty, letters, openTestLog, startIndexer } from './testing-loop.ts'

let db: TestDatabase

before(async () => {
  db = await openTestDatabase(12)
})
after(() => db[Symbol.asyncDispose]())

const like = (n: number, did: string, subject: string): StreamEvent =>
  create(n, [did, 'like', `l${n}`], { subject: ref(subject), createdAt: timeOf(n) })
const POST = at(didOf('author'), 'post', 'p')
const likesOf = async (pool: Pool, did: string) => (await rowsOf(pool, 'like', { creator: did })).length

test('entries that nobody can read become dead letters with their reasons, and their neighbours are indexed', async () => {
  await using store = await openTestLog()
  const did = didOf('poison')
  await append(store.log, like(1, did, POST))
  await store.log.append(FIREHOSE_LIVE, [
    { event: 'no json' },
    { other: '{}' },
    { event: '{"type":"new","did":"did:plc:x","time":"2025-01-01T00:00:00Z"}' },
    { event: '{"type":"create"}' },
    { event: '[]' },
  ])
  await append(store.log, like(2, did, `${POST}2`))
  await using indexer = startIndexer({ ...store, pool: db.pool })
  await until('the stream is empty', () => isEmpty(store.log))
  const reasons = (await letters(store.log)).map(({ reason }) => reason)
  assert.deepEqual(reasons, ['bad_json', 'missing_field', 'unknown_type', 'invalid_event', 'invalid_event'])
  assert.equal(await likesOf(db.pool, did), 2)
  assert.equal(await indexer.metric('indexer_poison_entries_total{reason="invalid_event"}'), 2)
  assert.equal((await indexer.status.health()).ready, true, 'a letter is no outage')
})

test('of many entries the one that PostgreSQL refuses is found and put aside, with all others indexed', async () => {
  await using store = await openTestLog()
  const did = didOf('refused')
  const events = Array.from({ length: 37 }, (_, n) => like(n, did, n === 23 ? TOO_LONG : `${POST}${n}`))
  await append(store.log, ...events)
  await using indexer = startIndexer({ ...store, pool: db.pool })
  await until('the stream is empty', () => isEmpty(store.log))
  assert.equal(await likesOf(db.pool, did), 36)
  const [letter, ...more] = await letters(store.log)
  assert.deepEqual(more, [])
  assert.match(letter?.['reason'] ?? '', /index row|row size/)
  assert.match(letter?.['event'] ?? '', new RegExp(`"rkey":"l23"`))
  assert.equal(await indexer.metric('indexer_events_processed_total'), 36)
})

test('a label that no index can hold costs neither its neighbours nor a dead letter', async () => {
  await using store = await openTestLog()
  const label = { src: 'did:plc:l', uri: POST, cid: null, val: 'x', neg: false, cts: timeOf(1), exp: null }
  await appendLabels(store.log, label, { ...label, uri: noise(5_000) })
  await using indexer = startIndexer({ ...store, pool: db.pool })
  await until('the stream is empty', () => isEmpty(store.log, LABEL_LIVE))
  assert.equal((await rowsOf(db.pool, 'label', { src: 'did:plc:l' })).length, 1)
  assert.deepEqual(await letters(store.log, LABEL_LIVE), [])
  assert.equal(await indexer.metric('indexer_dropped_total{reason="too_long"}'), 1)
})

test('while PostgreSQL is away nothing is acknowledged and the service says so; when it is back everything is indexed', async () => {
  await using store = await openTestLog()
  const place = { dataDir: temporaryFolder('away'), port: await freePort(), logger: silentLogger }
  const first = await startEmbeddedPostgres(place)
  const pool = await openPool({ url: first.url, max: 5, logger: silentLogger, connectTimeoutMs: 2_000 })
  await migrate(pool)
  await using indexer = startIndexer({ ...store, pool, batchSize: 10 })
  const did = didOf('outage')
  await append(store.log, like(1, did, POST))
  await until('the first is indexed', async () => (await likesOf(pool, did)) === 1)
  await first.stop()
  await append(store.log, ...Array.from({ length: 50 }, (_, n) => like(n + 2, did, `${POST}${n}`)))
  await until('it is not ready', async () => !(await indexer.status.health()).ready)
  assert.match((await indexer.status.health()).reasons.join(), /PostgreSQL is away/)
  assert.equal((await indexer.status.health()).live, true)
  assert.equal((await store.log.range(FIREHOSE_LIVE, { maxEntries: 100 })).length, 50)
  const second = await startEmbeddedPostgres(place)
  await until('all are indexed', async () => (await likesOf(pool, did)) === 51)
  await until('it is ready again', async () => (await indexer.status.health()).ready)
  await until('the stream is empty', () => isEmpty(store.log))
  await indexer.stop()
  await pool.close()
  await second.stop()
})

test('connections that are cut in the middle of the work cost nothing but repetitions', async () => {
  await using store = await openTestLog()
  const did = didOf('cut')
  await using _indexer = startIndexer({ ...store, pool: db.pool, batchSize: 5 })
  await append(store.log, ...Array.from({ length: 200 }, (_, n) => like(n, did, `${POST}${n}`)))
  const cut = `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`
  for (let round = 0; round < 5; round++) {
    await until(
      'some more are indexed',
      async () => (await likesOf(db.pool, did).catch(() => -1)) >= round * 20,
    )
    await db.pool.query({ text: cut }).catch(() => {})
  }
  await until('all are indexed', async () => (await likesOf(db.pool, did).catch(() => -1)) === 200)
  await until('the stream is empty', () => isEmpty(store.log))
  assert.deepEqual(await letters(store.log), [])
})

test('what is committed and not acknowledged comes again and changes nothing', async () => {
  await using store = await openTestLog()
  const did = didOf('again')
  await append(store.log, like(1, did, POST), remove(2, [didOf('other'), 'like', 'x']))
  store.away.add('ack')
  const first = startIndexer({ ...store, pool: db.pool })
  await until('it is committed', async () => (await likesOf(db.pool, did)) === 1)
  assert.equal(await isEmpty(store.log), false)
  store.away.delete('ack')
  await first.stop()
  await using second = startIndexer({ ...store, pool: db.pool })
  await until('the stream is empty', () => isEmpty(store.log))
  await second.stop()
  assert.equal(await likesOf(db.pool, did), 1)
  assert.equal((await rowsOf(db.pool, 'notification', { author: did })).length, 1)
})

test('a stop while PostgreSQL does not answer ends the service and leaves the entries to its successor', async () => {
  await using store = await openTestLog()
  const did = didOf('stopped')
  const held = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  const holder = db.pool.transaction(async (tx) => {
    await tx.query({ text: 'lock table bsky.record in exclusive mode' })
    held.resolve()
    await released.promise
  })
  await held.promise
  const impatient = await openPool({ url: db.url, max: 4, logger: silentLogger, statementTimeoutMs: 200 })
  await append(store.log, like(1, did, POST))
  const indexer = startIndexer({ ...store, pool: impatient })
  await until('it is not ready', async () => !(await indexer.status.health()).ready)
  await indexer.stop()
  assert.equal(await isEmpty(store.log), false)
  released.resolve()
  await holder
  await impatient.close()
  await using successor = startIndexer({ ...store, pool: db.pool })
  await until('the stream is empty', () => isEmpty(store.log))
  await successor.stop()
  assert.equal(await likesOf(db.pool, did), 1)
})
