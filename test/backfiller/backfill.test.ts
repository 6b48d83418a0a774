import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeEvent } from '../../src/event/codec.ts'
import type { FaultKind, FaultSpec } from '../../src/sandbox/faults.ts'
import {
  assertWhole,
  entriesOf,
  eventsOf,
  openTestLog,
  openTestNetwork,
  queue,
  recordsIn,
  recordsOf,
  startBackfiller,
  until,
  untilDrained,
} from './testing.ts'

test('every repo of the network arrives whole, in chunks, with one repo event at its end', async (t) => {
  const [log, network] = [await openTestLog(t), await openTestNetwork(t)]
  const truth = network.truth()
  const running = startBackfiller(t, { log, plcUrl: network.plcUrl, batchSize: 7 })
  await queue(
    log,
    truth.accounts.map(({ did }) => did),
  )
  await untilDrained(log)
  await running.stop()
  const events = await eventsOf(log)
  assertWhole(events, truth)
  assert.equal(events.filter(({ type }) => type === 'repo').length, truth.accounts.length)
  assert.equal(events.filter(({ type }) => type === 'create').length, recordsOf(truth).length)
})

const GET_REPO = 'com.atproto.sync.getRepo'

const FAULTS: readonly (readonly [FaultKind, FaultSpec, RegExp])[] = [
  ['http_429', { target: GET_REPO, times: 6, headers: true }, /answer="429"/],
  ['http_429', { target: GET_REPO, times: 4, headers: false }, /answer="429"/],
  ['http_5xx', { target: GET_REPO, times: 10 }, /reason="http_5xx"/],
  ['html_body', { target: GET_REPO, times: 10 }, /reason="not_a_car"/],
  ['slow_car', { target: 'repo', times: 3, bytesPerSecond: 200 }, /reason="too_slow"/],
  ['truncated_car', { target: 'repo', times: 5, clean: true }, /reason="truncated_car"/],
  ['truncated_car', { target: 'repo', times: 5, clean: false }, /reason="interrupted"/],
  ['missing_block', { target: 'repo', times: 10 }, /reason="missing_block"/],
  ['bad_signature', { target: 'repo', times: 10 }, /reason="bad_signature"/],
  ['plc_down', { times: 2 }, /reason="did_unavailable"/],
]

for (const [kind, spec, series] of FAULTS) {
  test(`${kind} ${JSON.stringify(spec)} delays the backfill and changes nothing in its result`, async (t) => {
    const [log, network] = [await openTestLog(t), await openTestNetwork(t)]
    const truth = network.truth()
    network.setFault(kind, spec)
    const running = startBackfiller(t, {
      log,
      plcUrl: network.plcUrl,
      slowAfterMs: 300,
      minBytesPerSecond: 2_000,
    })
    await queue(
      log,
      truth.accounts.map(({ did }) => did),
    )
    await untilDrained(log)
    await running.stop()
    assertWhole(await eventsOf(log), truth)
    assert.deepEqual(await entriesOf(log, 'repo_backfill_dlq'), [])
    assert.ok((network.faults().injected[kind] ?? 0) > 0, 'the fault has struck')
    const moved = (await running.registry.metrics()).split('\n').filter((line) => !line.endsWith(' 0'))
    assert.match(moved.join('\n'), series)
  })
}

test('a fault that stays brings the repo to the dead letters, with what rsky says and with the error', async (t) => {
  const [log, network] = [await openTestLog(t), await openTestNetwork(t)]
  const [first, ...others] = network.truth().accounts.map(({ did }) => did)
  assert.ok(first !== undefined)
  network.setFault('bad_signature', { target: first })
  const running = startBackfiller(t, { log, plcUrl: network.plcUrl, maxRetries: 3 })
  await queue(log, [first, ...others])
  await untilDrained(log)
  const [letter, ...more] = await entriesOf(log, 'repo_backfill_dlq')
  assert.deepEqual(more, [])
  assert.equal((JSON.parse(letter?.['repo'] ?? '') as { did: string }).did, first)
  assert.equal(letter?.['reason'], 'max_retries_exceeded')
  assert.equal(letter?.['attempts'], '3')
  assert.match(letter?.['error'] ?? '', /^bad_signature: /)
  assert.ok(Date.parse(letter?.['first_at'] ?? '') <= Date.parse(letter?.['last_at'] ?? ''))
  assert.equal(await running.metric('backfiller_verification_errors_total'), 3)
  assert.equal(await running.metric('backfiller_retries_attempted_total'), 2)
  assert.equal(await running.metric('backfiller_repos_dead_lettered_total'), 1)
  assert.equal(await running.metric('backfiller_repos_processed_total'), others.length)
})

test('entries that cannot be read are set aside at once and hold up nobody', async (t) => {
  const [log, network] = [await openTestLog(t), await openTestNetwork(t)]
  const truth = network.truth()
  const running = startBackfiller(t, { log, plcUrl: network.plcUrl })
  await log.append('repo_backfill', [{ repo: '{' }, { other: 'x' }, { repo: '{"host":"x"}' }])
  await queue(
    log,
    truth.accounts.map(({ did }) => did),
  )
  await untilDrained(log)
  assertWhole(await eventsOf(log), truth)
  const letters = await entriesOf(log, 'repo_backfill_dlq')
  assert.deepEqual(letters.map(({ reason }) => reason).toSorted(), [
    'bad_json',
    'invalid_event',
    'missing_field',
  ])
  assert.equal(letters.find(({ reason }) => reason === 'bad_json')?.['repo'], '{')
  assert.equal(await running.metric('backfiller_poison_entries_total{reason="bad_json"}'), 1)
  assert.equal(await running.metric('backfiller_repos_dead_lettered_total'), 3)
})

test('a stop in the middle leaves the repo pending, and the next start completes it', async (t) => {
  const [log, network] = [await openTestLog(t), await openTestNetwork(t)]
  const truth = network.truth()
  network.setFault('slow_car', { target: 'repo', bytesPerSecond: 2_000 })
  const first = startBackfiller(t, { log, plcUrl: network.plcUrl, stopGraceMs: 0, concurrency: 5 })
  await queue(
    log,
    truth.accounts.map(({ did }) => did),
  )
  await until(async () => (await first.metric('backfiller_fetched_bytes_total')) > 0)
  await first.stop()
  assert.ok((await log.streamStats('repo_backfill')).length > 0)
  assert.equal(await first.metric('backfiller_repos_running'), 0)
  network.setFault('slow_car', null)
  startBackfiller(t, { log, plcUrl: network.plcUrl })
  await untilDrained(log)
  assertWhole(await eventsOf(log), truth)
})

test('a full output stream stops the intake and the appends; what was held goes on where it stopped', async (t) => {
  const [log, network] = [await openTestLog(t), await openTestNetwork(t)]
  const truth = network.truth()
  const running = startBackfiller(t, { log, plcUrl: network.plcUrl, batchSize: 10, highWaterMark: 50 })
  await log.ensureGroup('firehose_backfill', 'indexer')
  await queue(
    log,
    truth.accounts.map(({ did }) => did),
  )
  const reader = { stream: 'firehose_backfill', group: 'indexer', consumer: 'c' }
  const seen: string[] = []
  /** Every repo may have one chunk on its way when the length is read. */
  const UNDER_WAY = truth.accounts.length * 10
  await until(async () => (await running.metric('backfiller_backpressure_active')) === 1)
  while ((await log.streamStats('repo_backfill')).length > 0) {
    assert.ok((await log.streamStats('firehose_backfill')).length < 50 + UNDER_WAY)
    const entries = await log.read(reader, { maxEntries: 50, blockMs: 100 })
    for (const { fields } of entries) seen.push(JSON.stringify(fields))
    await log.ack(
      'firehose_backfill',
      'indexer',
      entries.map(({ id }) => id),
    )
  }
  await running.stop()
  const rest = (await entriesOf(log, 'firehose_backfill')).map((fields) => JSON.stringify(fields))
  const events = [...seen, ...rest].map((text) => {
    const event = decodeEvent(JSON.parse(text) as Record<string, string>)
    assert.ok(!('poison' in event))
    return event
  })
  assert.deepEqual(recordsIn(events), recordsOf(truth))
  assert.ok((await running.metric('backfiller_backpressure_events_total')) >= 1)
})

test('the status names the three streams with their figures, totals and problems in words; health says ready', async (t) => {
  const [log, network] = [await openTestLog(t), await openTestNetwork(t)]
  const [first, ...others] = network.truth().accounts.map(({ did }) => did)
  assert.ok(first !== undefined)
  network.setFault('missing_block', { target: first })
  const running = startBackfiller(t, { log, plcUrl: network.plcUrl, maxRetries: 1, version: '1.2.3' })
  await queue(log, [first, ...others])
  await untilDrained(log)
  const status = await running.status.status()
  assert.equal(status.service, 'backfiller')
  assert.equal(status.version, '1.2.3')
  assert.equal(status.store, 'embedded')
  assert.deepEqual(
    status.streams.map(({ stream, lag, highWaterMark }) => ({ stream, lag, highWaterMark })),
    [
      { stream: 'repo_backfill', lag: 0, highWaterMark: null },
      { stream: 'firehose_backfill', lag: null, highWaterMark: 500_000 },
      { stream: 'repo_backfill_dlq', lag: null, highWaterMark: null },
    ],
  )
  assert.equal(status.streams[2]?.length, 1)
  assert.equal(status.totals['reposProcessed'], others.length)
  assert.equal(status.totals['reposFailed'], 1)
  assert.match(status.problems[0]?.what ?? '', /missing_block/)
  assert.deepEqual(await running.status.health(), { live: true, ready: true, reasons: [] })
})
