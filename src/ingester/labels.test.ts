import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toBytes } from '@atcute/cbor'
import {
  DID,
  entriesOf,
  errorFrame,
  FakeUpstream,
  frame,
  LABEL,
  labelsFrame,
  openTestLog,
  startIngester,
  TIME,
  until,
} from './testing.ts'

test('the labels of a frame are one entry, complete, and the cursor is saved with it', async () => {
  await using store = await openTestLog()
  await using labeler = await FakeUpstream.start()
  const full = {
    ...LABEL,
    cid: 'bafycid',
    neg: true,
    exp: '2026-01-01T00:00:00Z',
    ver: 1,
    sig: toBytes(new Uint8Array(3)),
  }
  labeler.onConnect = () => labeler.send(labelsFrame(7, [LABEL, full]))
  await using ingester = startIngester({ log: store.log, mode: 'labeler', labelerHosts: [labeler.host] })
  const key = `label_live:cursor:${labeler.host}`
  await until('it is saved', async () => (await store.log.checkpoint(key)) === '7')
  assert.deepEqual(await entriesOf(store.log, 'label_live'), [
    {
      seq: 7,
      labels: [
        { ...LABEL, cid: null, neg: false },
        { src: DID, uri: LABEL.uri, cid: 'bafycid', val: 'spam', neg: true, cts: TIME, exp: full.exp },
      ],
    },
  ])
  assert.equal(await ingester.metric('ingester_labeler_events_total'), 2)
  assert.equal(await ingester.metric('ingester_labels_written_total'), 2)
})

test('bad labels, info, unknown and damaged frames cost only themselves', async () => {
  await using store = await openTestLog()
  await using labeler = await FakeUpstream.start()
  labeler.onConnect = () =>
    labeler.send(
      frame('#info', { name: 'Welcome' }),
      Buffer.from('poison'),
      labelsFrame(1, [LABEL, { src: DID }, LABEL]),
      labelsFrame(2, [{ val: 'nothing else' }]),
      frame('#labels', { seq: 3, labels: 'many' }),
      frame('#new', { seq: 4 }),
      labelsFrame(5, []),
    )
  await using ingester = startIngester({ log: store.log, mode: 'labeler', labelerHosts: [labeler.host] })
  const key = `label_live:cursor:${labeler.host}`
  await until('the last is passed', async () => (await store.log.checkpoint(key)) === '5')
  const entries = await entriesOf(store.log, 'label_live')
  assert.deepEqual(
    entries.map(({ seq, labels }) => [seq, (labels as unknown[]).length]),
    [[1, 2]],
  )
  assert.equal(labeler.cursors.length, 1)
  assert.equal(await ingester.metric('ingester_labels_dropped_total{reason="invalid"}'), 2)
  assert.equal(await ingester.metric('ingester_errors_total{type="label_parse"}'), 3)
})

test('an error frame ends a connection, not the labels: the next resumes behind the last frame', async () => {
  await using store = await openTestLog()
  await using labeler = await FakeUpstream.start()
  labeler.onConnect = (socket, cursor) => {
    socket.send(labelsFrame(Number(cursor) + 1, [LABEL]))
    if (labeler.cursors.length > 3) return
    socket.send(errorFrame('ConsumerTooSlow'))
    socket.close()
  }
  await using ingester = startIngester({ log: store.log, mode: 'labeler', labelerHosts: [labeler.host] })
  const key = `label_live:cursor:${labeler.host}`
  await until('four have come', async () => (await store.log.checkpoint(key)) === '4')
  assert.deepEqual(labeler.cursors, ['0', '1', '2', '3'])
  assert.equal(await ingester.metric('ingester_reconnects_total{part="labels",reason="error_frame"}'), 3)
  assert.match((await ingester.status.status()).upstreams[0]?.lastError ?? '', /ConsumerTooSlow/)
})

test('no labeler at all is no failure', async () => {
  await using store = await openTestLog()
  await using relay = await FakeUpstream.start()
  await using ingester = startIngester({ log: store.log, mode: 'all', relayHosts: [relay.host] })
  await until('the list is done', async () => (await ingester.metric('ingester_backfill_complete')) === 1)
  assert.deepEqual(
    (await ingester.status.status()).upstreams.map(({ kind }) => kind),
    ['firehose', 'repos', 'store'],
  )
})
