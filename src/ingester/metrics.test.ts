import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toBytes } from '@atcute/cbor'
import { checkDeclarations, missingFromScrape } from '../monitoring/declarations.ts'
import { CONTRACT } from '../monitoring/contract.ts'
import { scrape } from '../monitoring/registry.ts'
import { STORE_METRICS } from '../monitoring/stream-metrics.ts'
import { INGESTER_METRICS } from './metrics.ts'
import {
  carOf,
  commitFrame,
  DID,
  errorFrame,
  FakeUpstream,
  frame,
  LABEL,
  labelsFrame,
  linkTo,
  openTestLog,
  recordBlock,
  REV,
  startIngester,
  TIME,
  until,
  type FrameOptions,
  type TestLog,
} from './testing.ts'

test('every declaration obeys the rules, and every name of the contract is declared with its type', () => {
  assert.deepEqual(checkDeclarations(INGESTER_METRICS), [])
  const types = new Map(INGESTER_METRICS.map(({ name, type }) => [name, type]))
  for (const { name, type } of CONTRACT.ingester) assert.equal(types.get(name), type, name)
})

test('every series is there at boot, before any upstream answers', async () => {
  await using store = await openTestLog()
  await using ingester = startIngester({ log: store.log, mode: 'all' })
  const { text, failures } = await scrape(ingester.registry)
  assert.deepEqual(failures, [])
  assert.deepEqual(missingFromScrape(text, INGESTER_METRICS), [])
})

type World = {
  readonly store: TestLog
  readonly relay: FakeUpstream
  readonly labeler: FakeUpstream
}

type Cause = (world: World) => unknown
type Row = readonly [series: string | ((world: World) => string), cause: Cause]

const origin = { time: TIME, did: DID }
const NO_BLOCKS = toBytes(carOf([]))
const busy = { status: 503, headers: { 'retry-after': '1' }, body: {} }
const idle: Cause = () => {}

const commit =
  (options?: FrameOptions): Cause =>
  ({ relay }) =>
    relay.send(commitFrame(1, options))
const opOf = (op: object): Cause =>
  commit({ more: { ops: [{ path: 'app.bsky.feed.post/x', cid: null, ...op }], blocks: NO_BLOCKS } })
const send =
  (...frames: Uint8Array[]): Cause =>
  ({ relay }) =>
    relay.send(...frames)
const label =
  (...labels: object[]): Cause =>
  ({ labeler }) =>
    labeler.send(labelsFrame(1, labels))
const page =
  (body: object, status = 200): Cause =>
  ({ relay }) =>
    (relay.onPage = () => ({ status, body }))
const append =
  (stream: string): Cause =>
  ({ store }) =>
    store.log.append(stream, [{ event: '{}' }])
/** The stream is at its mark of 1 when a second batch is due. */
const overflow: Cause = async ({ store, relay }) => {
  relay.send(commitFrame(1))
  await until('one is there', async () => (await store.log.streamStats('firehose_live')).length > 0)
  relay.send(commitFrame(2))
}
const storeAway: Cause = ({ store, relay }) => {
  store.down = true
  relay.send(commitFrame(1))
}
/** A defect as it may be made: entries vanish between the batch and the store. */
const steal =
  (cause: Cause): Cause =>
  (world) => {
    world.store.onAppend = (entries) => void entries.splice(0)
    return cause(world)
  }
const backwards: Cause = async ({ store, relay }) => {
  relay.send(commitFrame(5))
  const key = `firehose_live:cursor:${relay.host}`
  await until('the cursor is saved', async () => (await store.log.checkpoint(key)) === '5')
  relay.send(commitFrame(3, { collection: 'a.b.c' }))
}
const elsewhere = linkTo(recordBlock('elsewhere'))
const record = recordBlock([1])

/** What makes each series move. `ingester_backfill_*` rows answer the listing that has been told to come back later. */
const CAUSES: readonly Row[] = [
  ['ingester_firehose_events_total', commit()],
  ['ingester_firehose_create_events_total', commit()],
  [
    'ingester_firehose_update_events_total',
    commit({
      more: {
        ops: [{ action: 'update', path: 'app.bsky.feed.post/x', cid: linkTo(recordBlock({ a: 1 })) }],
        blocks: toBytes(carOf([recordBlock({ a: 1 })])),
      },
    }),
  ],
  ['ingester_firehose_delete_events_total', opOf({ action: 'delete' })],
  ['ingester_firehose_filtered_operations_total', commit({ collection: 'a.b.c' })],
  ['ingester_ops_filtered_total', commit({ collection: 'a.b.c' })],
  ['ingester_operations_dropped_total{reason="filtered"}', commit({ collection: 'a.b.c' })],
  ['ingester_operations_dropped_total{reason="invalid_path"}', opOf({ action: 'delete', path: 'x' })],
  ['ingester_operations_dropped_total{reason="missing_cid"}', opOf({ action: 'create' })],
  ['ingester_operations_dropped_total{reason="missing_block"}', opOf({ action: 'create', cid: elsewhere })],
  [
    'ingester_operations_dropped_total{reason="bad_blocks"}',
    commit({ more: { blocks: toBytes(Buffer.from('x')) } }),
  ],
  [
    'ingester_operations_dropped_total{reason="invalid_record"}',
    commit({
      more: {
        ops: [{ action: 'create', path: 'app.bsky.feed.post/x', cid: linkTo(record) }],
        blocks: toBytes(carOf([record])),
      },
    }),
  ],
  ['ingester_operations_total{namespace="app.bsky.feed",outcome="kept"}', commit()],
  [
    'ingester_operations_total{namespace="app.bsky.graph",outcome="dropped"}',
    opOf({ action: 'create', path: 'app.bsky.graph.follow/x' }),
  ],
  ['ingester_operations_total{namespace="other",outcome="filtered"}', commit({ collection: 'a.b.c' })],
  ['ingester_resyncs_requested_total{cause="too_big"}', commit({ more: { tooBig: true } })],
  [
    'ingester_resyncs_requested_total{cause="sync"}',
    send(frame('#sync', { seq: 1, ...origin, rev: REV, blocks: NO_BLOCKS })),
  ],
  ['ingester_resyncs_requested_total{cause="incomplete"}', opOf({ action: 'create' })],
  ['ingester_event_times_replaced_total', commit({ more: { time: 'soon' } })],
  ['ingester_event_age_seconds_count', commit()],
  ['ingester_last_event_time_seconds', commit()],
  ['ingester_labeler_events_total', label(LABEL)],
  ['ingester_labels_written_total', label(LABEL)],
  ['ingester_labels_dropped_total{reason="invalid"}', label({})],
  ['ingester_backfill_repos_fetched_total', page({ repos: [{ did: DID }] })],
  ['ingester_backfill_repos_written_total', page({ repos: [{ did: DID }] })],
  ['ingester_backfill_repos_dropped_total', page({ repos: [{}] })],
  ['ingester_backfill_complete', page({ repos: [] })],
  ['ingester_backfill_fetch_errors_total', idle],
  [
    'ingester_backfill_cursor_skips_total',
    ({ relay }) =>
      (relay.onPage = (query) =>
        query.get('cursor') === null ? { status: 500, body: {} } : { body: { repos: [] } }),
  ],
  [
    'ingester_backfill_cursor_reset_total',
    ({ relay }) =>
      (relay.onPage = (query) =>
        query.get('cursor') === null
          ? { body: { repos: [], cursor: 'x' } }
          : { status: 400, body: { error: 'InvalidRequest' } }),
  ],
  ['ingester_stream_events_total', commit()],
  ['ingester_entries_written_total{stream="firehose_live"}', commit()],
  ['ingester_entries_written_total{stream="repo_backfill"}', commit({ more: { tooBig: true } })],
  ['ingester_entries_written_total{stream="label_live"}', label(LABEL)],
  ['ingester_written_bytes_total{stream="firehose_live"}', commit()],
  ['ingester_written_bytes_total{stream="repo_backfill"}', commit({ more: { tooBig: true } })],
  ['ingester_written_bytes_total{stream="label_live"}', label(LABEL)],
  ['ingester_conservation_residual{part="firehose"}', steal(commit())],
  ['ingester_conservation_residual{part="repos"}', steal(page({ repos: [{ did: DID }] }))],
  ['ingester_high_water_mark_entries{stream="repo_backfill"}', idle],
  ['ingester_append_duration_seconds_count', commit()],
  ['ingester_batch_entries_count', commit()],
  ['ingester_append_retries_total', storeAway],
  ['ingester_events_in_memory', storeAway],
  ['ingester_bytes_in_memory', storeAway],
  ['storage_recovery_total', idle],
  ['ingester_firehose_live_length', append('firehose_live')],
  ['ingester_firehose_backfill_length', append('firehose_backfill')],
  ['ingester_repo_backfill_length', append('repo_backfill')],
  ['ingester_label_live_length', append('label_live')],
  ['ingester_firehose_live_oldest_entry_age_seconds', append('firehose_live')],
  ['ingester_repo_backfill_oldest_entry_age_seconds', append('repo_backfill')],
  ['ingester_label_live_oldest_entry_age_seconds', append('label_live')],
  ['ingester_backpressure_activations_total{stream="firehose_live"}', overflow],
  ['ingester_backpressure_seconds_total{stream="firehose_live"}', overflow],
  ['ingester_backpressure_active', overflow],
  ['ingester_websocket_connections{type="firehose"}', idle],
  ['ingester_websocket_connections{type="labels"}', idle],
  ['ingester_errors_total{type="parse_failed"}', send(Buffer.from('poison'))],
  ['ingester_errors_total{type="label_parse"}', ({ labeler }) => labeler.send(Buffer.from('poison'))],
  ['ingester_errors_total{type="enqueue_failed"}', storeAway],
  ['ingester_errors_total{type="fetch_failed"}', idle],
  ['ingester_errors_total{type="upstream_error"}', send(errorFrame('ConsumerTooSlow'))],
  ['ingester_errors_total{type="firehose_cursor"}', send(errorFrame('FutureCursor'))],
  ['ingester_errors_total{type="label_cursor"}', ({ labeler }) => labeler.send(errorFrame('FutureCursor'))],
  [
    'ingester_errors_total{type="backfill_cursor"}',
    async ({ store, relay }) => {
      relay.onPage = () => ({ body: { repos: [] } })
      const key = `repo_backfill:cursor:${relay.host}`
      await until('the list is done', async () => (await store.log.checkpoint(key)) !== null)
      store.down = true
    },
  ],
  [
    'ingester_errors_total{type="connection_failed"}',
    async ({ relay }) => {
      relay.refusing = true
      relay.current?.terminate()
    },
  ],
  [
    'ingester_reconnects_total{part="firehose",reason="refused"}',
    ({ relay }) => {
      relay.refusing = true
      relay.current?.terminate()
    },
  ],
  ['ingester_reconnects_total{part="firehose",reason="closed"}', ({ relay }) => relay.current?.terminate()],
  ['ingester_reconnects_total{part="firehose",reason="idle"}', idle],
  [
    'ingester_reconnects_total{part="labels",reason="error_frame"}',
    ({ labeler }) => {
      labeler.send(errorFrame('ConsumerTooSlow'))
      labeler.current?.close()
    },
  ],
  ['ingester_frames_total{type="commit",outcome="kept"}', commit()],
  ['ingester_frames_total{type="commit",outcome="filtered"}', commit({ collection: 'a.b.c' })],
  ['ingester_frames_total{type="other",outcome="dropped"}', send(frame('#new', { seq: 1 }))],
  ['ingester_frames_total{type="info",outcome="kept"}', send(frame('#info', { name: 'Hello' }))],
  ['ingester_frame_bytes_total{part="firehose"}', commit()],
  ['ingester_frame_bytes_total{part="labels"}', label(LABEL)],
  ['ingester_sequence_gaps_total{part="firehose"}', send(commitFrame(1), commitFrame(5))],
  ['ingester_sequence_numbers_missed_total{part="firehose"}', send(commitFrame(1), commitFrame(5))],
  ['ingester_cursor_regressions_total{part="firehose"}', backwards],
  ['ingester_part_running{part="firehose"}', idle],
  ['ingester_part_running{part="repos"}', idle],
  ['ingester_part_running{part="labels"}', idle],
  [({ relay }) => `ingester_host_connected{host="${relay.host}"}`, idle],
  [({ labeler }) => `ingester_host_sequence{host="${labeler.host}"}`, label(LABEL)],
  [({ relay }) => `ingester_host_cursor{host="${relay.host}"}`, commit()],
  [({ relay }) => `ingester_host_event_time_seconds{host="${relay.host}"}`, commit()],
  [
    ({ relay }) => `ingester_host_reconnects_total{host="${relay.host}"}`,
    ({ relay }) => relay.current?.terminate(),
  ],
  ['ingester_sequence_regressions_total{part="firehose"}', send(commitFrame(5), commitFrame(5))],
  ['ingester_outdated_cursors_total{part="firehose"}', send(frame('#info', { name: 'OutdatedCursor' }))],
  ['ingester_future_cursors_total{part="firehose"}', send(errorFrame('FutureCursor'))],
  [({ relay }) => `ingester_last_frame_time_seconds{host="${relay.host}"}`, commit()],
  [({ labeler }) => `ingester_cursor_saved_time_seconds{host="${labeler.host}"}`, label(LABEL)],
  ['ingester_seconds_since_last_frame', idle],
  ['ingester_cursor_age_seconds', idle],
]

const moves = async ([series, cause]: Row): Promise<void> => {
  await using store = await openTestLog()
  await using relay = await FakeUpstream.start()
  await using labeler = await FakeUpstream.start()
  relay.onPage = () => busy
  await using ingester = startIngester({
    log: store.log,
    mode: 'all',
    relayHosts: [relay.host],
    labelerHosts: [labeler.host],
    idleTimeoutMs: 300,
    stopDeadlineMs: 50,
    highWaterMarks: { firehose_live: 1, repo_backfill: 1_000, label_live: 1_000 },
    storeRecovered: true,
  })
  const world = { store, relay, labeler }
  await until('both are connected', () => relay.current !== null && labeler.current !== null)
  await cause(world)
  const name = typeof series === 'string' ? series : series(world)
  await until(`${name} has moved`, async () => (await ingester.metric(name)) > 0)
}

for (const row of CAUSES) {
  const name = typeof row[0] === 'string' ? row[0] : row[0].toString().split('`')[1]
  test(`${name} moves with its cause`, () => moves(row))
}

test('every metric that is declared has a cause above', () => {
  const shown = CAUSES.map(([series]) => (typeof series === 'string' ? series : series.toString()))
  // Those of the store are moved on each kind of store, in src/stream.
  const ours = INGESTER_METRICS.filter((spec) => !STORE_METRICS.includes(spec))
  const without = ours.filter(({ name }) => !shown.some((series) => series.includes(name)))
  assert.deepEqual(
    without.map(({ name }) => name),
    [],
  )
})
