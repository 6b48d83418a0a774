import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { FIREHOSE_BACKFILL, LABEL_LIVE } from '../event/streams.ts'
import { encodeEvent } from '../event/codec.ts'
import type { StreamEvent } from '../event/event.ts'
import {
  at,
  backfilled,
  create,
  didOf,
  openTestDatabase,
  ref,
  timeOf,
  until,
  type TestDatabase,
} from './testing.ts'
import { append, appendLabels, isEmpty, openTestLog, startIndexer, type Running } from './testing-loop.ts'

let db: TestDatabase

before(async () => {
  db = await openTestDatabase()
})
after(() => db[Symbol.asyncDispose]())

const like = (did: string, time: string, rkey = 'k'): StreamEvent =>
  create(1, [did, 'like', rkey], { subject: ref(at(did, 'post', rkey)), createdAt: timeOf(1) }, { time })
const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000).toISOString()

/** How many observations a stream has up to each of these bounds. */
const upTo = async (indexer: Running, name: string, stream: string, bounds: readonly (number | string)[]) =>
  Promise.all(bounds.map((le) => indexer.metric(`${name}_bucket{le="${le}",stream="${stream}"}`)))

test('an event is as old as its own time says at its commit, its entry as old as its append', async () => {
  await using store = await openTestLog()
  await using indexer = startIndexer({ ...store, pool: db.pool })
  await append(store.log, like(didOf('late'), ago(100)))
  await until('it is committed', () => isEmpty(store.log))
  assert.deepEqual(
    await upTo(indexer, 'indexer_freshness_seconds', 'firehose_live', [30, 60, 300]),
    [0, 0, 1],
  )
  assert.deepEqual(
    await upTo(indexer, 'indexer_append_to_commit_seconds', 'firehose_live', [60, '+Inf']),
    [1, 1],
  )
})

test('of what comes again nothing is counted twice: its rows were there', async () => {
  await using store = await openTestLog()
  await using indexer = startIndexer({ ...store, pool: db.pool })
  const event = like(didOf('again'), ago(1))
  await append(store.log, event)
  await until('it is committed', () => isEmpty(store.log))
  await append(store.log, event)
  await until('it is dealt with', async () => (await indexer.metric('indexer_events_processed_total')) === 2)
  assert.equal(await indexer.metric('indexer_freshness_seconds_count{stream="firehose_live"}'), 1)
})

test('a clock ahead of ours makes no negative age, and is counted', async () => {
  await using store = await openTestLog()
  await using indexer = startIndexer({ ...store, pool: db.pool })
  await append(store.log, like(didOf('ahead'), ago(-3_600)), like(didOf('hardly'), ago(-1)))
  await until('both are committed', () => isEmpty(store.log))
  assert.deepEqual(await upTo(indexer, 'indexer_freshness_seconds', 'firehose_live', [0.02]), [2])
  assert.equal(await indexer.metric('indexer_clock_skew_events_total'), 1)
})

test('a backfilled record is as old as its append: the time of its event says nothing of it', async () => {
  await using store = await openTestLog()
  await using indexer = startIndexer({ ...store, pool: db.pool })
  const event = backfilled(like(didOf('old'), timeOf(1)), 1)
  await store.log.append(FIREHOSE_BACKFILL, [encodeEvent(event)])
  await until('it is committed', () => isEmpty(store.log, FIREHOSE_BACKFILL))
  assert.deepEqual(await upTo(indexer, 'indexer_freshness_seconds', FIREHOSE_BACKFILL, [60, '+Inf']), [1, 1])
})

test('labels are as old as they say, and only those that were written count', async () => {
  await using store = await openTestLog()
  await using indexer = startIndexer({ ...store, pool: db.pool })
  const label = {
    src: didOf('labeler'),
    uri: 'at://x',
    cid: null,
    val: 'v',
    neg: false,
    cts: ago(100),
    exp: null,
  }
  await appendLabels(store.log, label, { ...label, cts: ago(200) })
  await until('they are committed', () => isEmpty(store.log, LABEL_LIVE))
  assert.deepEqual(await upTo(indexer, 'indexer_freshness_seconds', LABEL_LIVE, [60, 300, '+Inf']), [0, 1, 1])
  assert.equal(await indexer.metric('indexer_event_results_total{type="label",result="stale"}'), 1)
})
