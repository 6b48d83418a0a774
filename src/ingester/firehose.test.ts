import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  commitFrame,
  DID,
  entriesOf,
  errorFrame,
  FakeUpstream,
  frame,
  openTestLog,
  REV,
  startIngester,
  TIME,
  until,
} from './testing.ts'

const seqs = async (log: Parameters<typeof entriesOf>[0]): Promise<unknown[]> =>
  (await entriesOf(log, 'firehose_live')).map(({ seq }) => seq)

const setUp = async (options: { marks?: number; relays?: number } = {}) => {
  const stack = new AsyncDisposableStack()
  const store = stack.use(await openTestLog())
  const relays: FakeUpstream[] = []
  for (let i = 0; i < (options.relays ?? 1); i++) relays.push(stack.use(await FakeUpstream.start()))
  const mark = options.marks ?? 100_000
  const start = () =>
    startIngester({
      log: store.log,
      mode: 'firehose',
      relayHosts: relays.map(({ host }) => host),
      highWaterMarks: { firehose_live: mark, repo_backfill: mark, label_live: mark },
    })
  const [relay] = relays as [FakeUpstream]
  return { stack, store, relay, relays, start, key: `firehose_live:cursor:${relay.host}` }
}

test('what a relay sends is in the stream, in order, and the cursor is saved with it', async () => {
  const { stack, store, relay, start, key } = await setUp()
  await using _ = stack
  relay.onConnect = () => relay.send(...[5, 6, 7].map((seq) => commitFrame(seq)))
  await using ingester = start()
  await until('all are there', async () => (await store.log.checkpoint(key)) === '7')
  assert.deepEqual(await seqs(store.log), [5, 6, 7])
  assert.deepEqual(relay.cursors, ['0'], 'without a saved cursor everything is asked for')
  await ingester.stop()
})

test('a restart resumes behind the saved cursor', async () => {
  const { stack, store, relay, start, key } = await setUp()
  await using _ = stack
  await store.log.append('firehose_live', [], { name: key, value: '41' })
  relay.onConnect = () => relay.send(commitFrame(42))
  await using ingester = start()
  await until('it is there', async () => (await store.log.checkpoint(key)) === '42')
  assert.deepEqual(relay.cursors, ['41'])
  await ingester.stop()
})

test('the cursor moves though everything is filtered, and nothing is written', async () => {
  const { stack, store, relay, start, key } = await setUp()
  await using _ = stack
  relay.onConnect = () => relay.send(commitFrame(8, { collection: 'fm.teal.alpha.play' }))
  await using ingester = start()
  await until('the cursor has moved', async () => (await store.log.checkpoint(key)) === '8')
  assert.deepEqual(await seqs(store.log), [])
  assert.equal(await ingester.metric('ingester_firehose_filtered_operations_total'), 1)
})

test('frames of every kind, damaged ones among them, cost only themselves', async () => {
  const { stack, store, relay, start, key } = await setUp()
  await using _ = stack
  const origin = { time: TIME, did: DID }
  relay.onConnect = () =>
    relay.send(
      Buffer.from('poison'),
      Buffer.alloc(6 * 1024 * 1024),
      commitFrame(1),
      frame('#commit', { seq: 2, time: TIME, repo: DID }),
      frame('#new', { seq: 3 }),
      frame('#info', { name: 'Hello' }),
      frame('#identity', { seq: 4, ...origin }),
      frame('#handle', { seq: 5, ...origin, handle: 'a.test' }),
      frame('#account', { seq: 6, ...origin, active: false, status: 'takendown' }),
      frame('#tombstone', { seq: 7, ...origin }),
      commitFrame(8, { more: { tooBig: true } }),
      commitFrame(9),
    )
  await using ingester = start()
  await until('the last is there', async () => (await store.log.checkpoint(key)) === '9')
  const kinds = (await entriesOf(store.log, 'firehose_live')).map(
    ({ type, seq }) => `${String(seq)} ${String(type)}`,
  )
  assert.deepEqual(kinds, [
    '1 create',
    '4 identity',
    '5 identity',
    '6 account',
    '7 account',
    '8 create',
    '9 create',
  ])
  assert.equal(relay.cursors.length, 1, 'the connection outlived all of them')
  const repos = await entriesOf(store.log, 'repo_backfill')
  assert.deepEqual(repos, [{ did: DID, host: relay.host, rev: REV, status: null, active: true }])
  assert.equal(await ingester.metric('ingester_frames_total{type="other",outcome="dropped"}'), 3)
  assert.equal(await ingester.metric('ingester_frames_total{type="commit",outcome="dropped"}'), 1)
})

test('a relay that breaks off is met again behind what was taken in: nothing is lost', async () => {
  const { stack, store, relay, start, key } = await setUp()
  await using _ = stack
  relay.onConnect = (socket, cursor) => {
    const from = Number(cursor) + 1
    relay.send(...Array.from({ length: 7 }, (_item, i) => commitFrame(from + i)))
    setImmediate(() => socket.terminate())
  }
  await using ingester = start()
  await until('a hundred have come', async () => Number(await store.log.checkpoint(key)) >= 100)
  await ingester.stop()
  const all = await seqs(store.log)
  const distinct = [...new Set(all)]
  assert.deepEqual(
    distinct,
    distinct.map((_item, i) => i + 1),
  )
  assert.ok((await ingester.metric('ingester_reconnects_total{part="firehose",reason="closed"}')) > 5)
})

test('while the store is away the same batch is tried, the socket waits, and then nothing is missing', async () => {
  const { stack, store, relay, start, key } = await setUp()
  await using _ = stack
  await using ingester = start()
  await until('it is connected', () => relay.cursors.length === 1)
  store.down = true
  const all = Array.from({ length: 3_000 }, (_item, i) => commitFrame(i + 1))
  relay.send(...all)
  const inMemory = () => ingester.metric('ingester_events_in_memory')
  const retries = () => ingester.metric('ingester_append_retries_total')
  await until('the batch after the one in hand is full', async () => (await inMemory()) > 500)
  let held = 0
  await until('memory stands still over many attempts', async () => {
    held = await inMemory()
    const before = await retries()
    await until('it keeps trying', async () => (await retries()) > before + 20)
    return (await inMemory()) === held
  })
  assert.ok(held <= 1_000)
  assert.equal((await ingester.status.health()).ready, false)
  store.down = false
  await until('all are there', async () => (await store.log.checkpoint(key)) === '3000')
  assert.deepEqual(
    await seqs(store.log),
    all.map((_item, i) => i + 1),
  )
  assert.equal(relay.cursors.length, 1)
  assert.equal((await ingester.status.health()).ready, true)
})

test('a stream at its mark stops the intake without losing anything, and its gauge says so meanwhile', async () => {
  const { stack, store, relay, start } = await setUp({ marks: 100 })
  await using _ = stack
  const group = { stream: 'firehose_live', group: 'g', consumer: 'c' }
  await store.log.ensureGroup('firehose_live', 'g')
  relay.onConnect = () => relay.send(...Array.from({ length: 2_000 }, (_item, i) => commitFrame(i + 1)))
  await using ingester = start()
  const active = () => ingester.metric('ingester_backpressure_active')
  await until('it waits', async () => (await active()) === 1)
  assert.equal((await ingester.status.status()).upstreams[0]?.state, 'paused')
  const got: number[] = []
  await until('a slow consumer has them all', async () => {
    const { length } = await store.log.streamStats('firehose_live')
    assert.ok(length <= 100 + 500, 'at most a batch past the mark')
    const entries = await store.log.read(group, { maxEntries: 150, blockMs: 0 })
    for (const { fields } of entries) got.push((JSON.parse(fields?.['event'] ?? '') as { seq: number }).seq)
    await store.log.ack(
      'firehose_live',
      'g',
      entries.map(({ id }) => id),
    )
    return got.length >= 2_000
  })
  assert.deepEqual(
    got,
    Array.from({ length: 2_000 }, (_item, i) => i + 1),
  )
  await until('it no longer waits', async () => (await active()) === 0)
  assert.ok((await ingester.metric('ingester_backpressure_activations_total{stream="firehose_live"}')) > 0)
  assert.ok((await ingester.metric('ingester_backpressure_seconds_total{stream="firehose_live"}')) > 0)
})

test('a cursor from the future is not kept: everything is read again, and the operator told', async () => {
  const { stack, store, relay, start, key } = await setUp()
  await using _ = stack
  await store.log.append('firehose_live', [], { name: key, value: '9000' })
  relay.onConnect = (socket, cursor) => {
    if (cursor === '9000') {
      socket.send(errorFrame('FutureCursor'))
      socket.close()
    } else socket.send(commitFrame(3))
  }
  await using ingester = start()
  await until('the numbering is followed', async () => (await store.log.checkpoint(key)) === '3')
  assert.deepEqual(relay.cursors, ['9000', '0'])
  assert.equal(await ingester.metric('ingester_future_cursors_total{part="firehose"}'), 1)
  assert.match((await ingester.status.status()).problems[0]?.what ?? '', /9000 lies in its future/)
})

test('an outdated cursor is a gap: counted, told, and its range kept for repair', async () => {
  const { stack, store, relay, start, key } = await setUp()
  await using _ = stack
  await store.log.append('firehose_live', [], { name: key, value: '10' })
  relay.onConnect = () => relay.send(frame('#info', { name: 'OutdatedCursor' }), commitFrame(50))
  await using ingester = start()
  await until('it goes on', async () => (await store.log.checkpoint(key)) === '50')
  assert.equal(await ingester.metric('ingester_outdated_cursors_total{part="firehose"}'), 1)
  assert.match((await ingester.status.status()).problems[0]?.what ?? '', /events 11 to 49/)
  const kept = JSON.parse((await store.log.checkpoint(`firehose_live:gap:${relay.host}`)) ?? '') as object[]
  assert.partialDeepStrictEqual(kept, [{ from: '11', to: '49' }])
})

test('two relays with the same commits: each is written once, and both cursors move', async () => {
  const { stack, store, relay, relays, start } = await setUp({ relays: 2 })
  await using _ = stack
  const other = relays[1] as FakeUpstream
  const rev = (i: number) => `3l4cjkha6a7x${'234567abcdefghijklmnop'.charAt(i)}`
  const frames = Array.from({ length: 20 }, (_item, i) => commitFrame(i + 1, { rev: rev(i) }))
  relay.onConnect = () => relay.send(...frames)
  await using ingester = start()
  const saved = async (host: string) => store.log.checkpoint(`firehose_live:cursor:${host}`)
  await until('the first has given all', async () => (await saved(relay.host)) === '20')
  await until('the second is connected', () => other.current !== null)
  other.send(...frames, commitFrame(21, { rev: rev(20) }))
  await until('the second has, too', async () => (await saved(other.host)) === '21')
  assert.equal((await seqs(store.log)).length, 21)
  assert.equal(await ingester.metric('ingester_frames_total{type="commit",outcome="duplicate"}'), 20)
})

test('a stop makes what is in hand durable, even when the stream is at its mark', async () => {
  const { stack, store, relay, start, key } = await setUp({ marks: 1 })
  await using _ = stack
  const ten = (from: number) => Array.from({ length: 10 }, (_item, i) => commitFrame(from + i))
  relay.onConnect = () => relay.send(...ten(1))
  await using ingester = start()
  await until('the stream is at its mark', async () => (await store.log.checkpoint(key)) !== null)
  relay.send(...ten(11))
  await until('it waits', async () => (await ingester.metric('ingester_backpressure_active')) === 1)
  await ingester.stop()
  const saved = await store.log.checkpoint(key)
  const all = await seqs(store.log)
  assert.equal(Number(saved), all.at(-1))
  assert.deepEqual(
    all,
    all.map((_item, i) => i + 1),
  )
  assert.equal(await ingester.metric('ingester_websocket_connections{type="firehose"}'), 0)
})

test('a stop with the store away ends at its deadline and leaves the cursor behind the entries', async () => {
  const { stack, store, relay } = await setUp()
  await using _ = stack
  await using ingester = startIngester({
    log: store.log,
    mode: 'firehose',
    relayHosts: [relay.host],
    stopDeadlineMs: 50,
  })
  await until('it is connected', () => relay.current !== null)
  store.down = true
  relay.send(commitFrame(1))
  await until('it is in hand', async () => (await ingester.metric('ingester_events_in_memory')) === 1)
  await ingester.stop()
  store.down = false
  assert.equal(await store.log.checkpoint(`firehose_live:cursor:${relay.host}`), null)
  assert.deepEqual(await seqs(store.log), [])
})

test('a saved cursor that is no number stops the ingester with a sentence', async () => {
  const { stack, store, start, key } = await setUp()
  await using _ = stack
  await store.log.append('firehose_live', [], { name: key, value: 'banana' })
  await using ingester = start()
  await assert.rejects(ingester.ended, /is "banana", which is no sequence number/)
})

test('an ingester without upstreams idles until it is stopped', async () => {
  await using store = await openTestLog()
  await using ingester = startIngester({ log: store.log, mode: 'all' })
  assert.equal((await ingester.status.health()).ready, true)
  await ingester.stop()
})
