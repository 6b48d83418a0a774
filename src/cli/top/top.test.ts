import assert from 'node:assert/strict'
import { test } from 'node:test'
import { stripVTControlCharacters } from 'node:util'
import type { Series } from '../../monitoring/exposition.ts'
import { serveMonitoring } from '../../monitoring/http.ts'
import { registerMetrics } from '../../monitoring/metrics.ts'
import { createRegistry } from '../../monitoring/registry.ts'
import { drawView, duration, sparkline } from './draw.ts'
import { fromServices, type Sample } from './source.ts'
import { viewOf } from './view.ts'

const one = (name: string, value: number, labels: Record<string, string> = {}, instance = 'a:1'): Series => ({
  name,
  value,
  labels: { job: 'indexer', instance, ...labels },
})

const sampleAt = (seconds: number, series: readonly Series[], up = true): Sample => ({
  at: seconds * 1_000,
  targets: [{ job: 'indexer', instance: 'a:1', up }],
  series,
  firing: null,
})

test('a rate is the growth of all processes over the time between two looks', () => {
  const view = viewOf(
    sampleAt(100, [
      one('indexer_events_processed_total', 10),
      one('indexer_events_processed_total', 5, {}, 'b:1'),
    ]),
    sampleAt(102, [
      one('indexer_events_processed_total', 30),
      one('indexer_events_processed_total', 9, {}, 'b:1'),
    ]),
  )
  assert.equal(view.flows['events indexed'], 12)
  assert.equal(view.flows['events received'], null)
})

test('a counter that fell tells of a restart and is counted from zero', () => {
  const name = 'indexer_db_writes_total'
  assert.equal(viewOf(sampleAt(0, [one(name, 90)]), sampleAt(1, [one(name, 4)])).flows['rows written'], 4)
})

test('what every replica tells of a stream is shown once, and the unknown never as 0', () => {
  const view = viewOf(
    sampleAt(0, []),
    sampleAt(1, [
      one('stream_entries', 7, { stream: 'firehose_live' }),
      one('stream_entries', 7, { stream: 'firehose_live' }, 'b:1'),
      one('stream_undelivered_entries', NaN, { stream: 'firehose_live' }),
    ]),
  )
  assert.deepEqual(
    view.streams.map(({ stream, entries, undelivered }) => [stream, entries, undelivered]),
    [['firehose_live', 7, null]],
  )
})

test('freshness is interpolated from what was committed between the two looks only', () => {
  const bucket = (le: string, value: number) =>
    one('indexer_freshness_seconds_bucket', value, { stream: 'firehose_live', le })
  const before = sampleAt(0, [bucket('1', 100), bucket('5', 100), bucket('+Inf', 100)])
  const view = viewOf(before, sampleAt(1, [bucket('1', 100), bucket('5', 200), bucket('+Inf', 200)]))
  assert.deepEqual(view.freshness, { p50: 3, p99: 4.96 })
  assert.deepEqual(viewOf(before, before).freshness, { p50: null, p99: null })
})

test('troubles are named by their kind; what is dropped on purpose is none', () => {
  const view = viewOf(
    sampleAt(0, [one('indexer_dropped_total', 0, { reason: 'invalid_record' })]),
    sampleAt(2, [
      one('indexer_dropped_total', 4, { reason: 'invalid_record' }),
      one('indexer_dropped_total', 9, { reason: 'unknown_collection' }),
    ]),
  )
  assert.deepEqual(view.troubles, [{ what: 'indexer dropped · invalid_record', perSecond: 2 }])
})

test('a process that stopped answering is shown as down, with nothing invented about it', () => {
  const [row] = viewOf(
    sampleAt(0, []),
    sampleAt(1, [one('process_resident_memory_bytes', 5)], false),
  ).processes
  assert.deepEqual([row?.state, row?.memoryBytes, row?.cpu], ['down', null, null])
})

test('the page says what to do when nothing answers', () => {
  const nothing = { ...sampleAt(1, []), targets: [] }
  assert.match(drawView(viewOf(nothing, nothing), []), /millrace up/)
})

test('bars grow with their values and leave a gap where nothing is known', () => {
  assert.equal(sparkline([0, 50, null, 100]), '▁▄ █')
  assert.deepEqual([0.02, 5, 90, 600, 90_000, 400_000, null].map(duration), [
    '20 ms',
    '5.0 s',
    '90 s',
    '10 min',
    '25 h',
    '4 d',
    '–',
  ])
})

test('it reads real endpoints, keeps one that went away as down, and leaves out what never was ours', async () => {
  const registry = createRegistry('indexer', '1.2.3+abcdef0')
  const metrics = registerMetrics(registry, {
    events: { name: 'indexer_events_processed_total', type: 'counter', help: 'Events.', cause: 'an event' },
  })
  const source = {
    status: () => Promise.reject(new Error('not asked')),
    health: async () => ({ live: true, ready: true, reasons: [] }),
  }
  const server = await serveMonitoring({ port: 0, host: '127.0.0.1', registry, source })
  const url = `http://127.0.0.1:${server.port}`
  const signal = new AbortController().signal
  const look = fromServices([url, 'http://127.0.0.1:9'])
  const before = await look(signal)
  metrics.events.inc(10)
  const view = viewOf(before, await look(signal))
  assert.deepEqual(
    view.processes.map(({ job, state, version }) => [job, state, version]),
    [['indexer', 'ready', '1.2.3+abcdef0']],
  )
  assert.ok((view.flows['events indexed'] ?? 0) > 0)
  assert.match(
    stripVTControlCharacters(drawView(view, [view])),
    /indexer +127\.0\.0\.1:\d+ +ready +1\.2\.3\+abcdef0/,
  )
  await server.close()
  const after = viewOf(await look(signal), await look(signal))
  assert.deepEqual(
    after.processes.map(({ state }) => state),
    ['down'],
  )
})
