import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Health, ServiceName, ServiceStatus, ServiceView } from '../status.ts'
import * as samples from './samples.ts'

const GOOD: Health = { live: true, ready: true, reasons: [] }
const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString()
const view = (service: ServiceName, over: Partial<ServiceStatus> = {}, health = GOOD): ServiceView => ({
  health,
  status: {
    service,
    version: '1',
    store: 'redis',
    startedAt: at(0),
    upstreams: [],
    streams: [],
    totals: {},
    problems: [],
    ...over,
  },
})
const stream = {
  stream: 'firehose_live',
  length: 10,
  oldestAgeSeconds: 2,
  highWaterMark: null,
  group: null,
  lag: null,
  pending: null,
}

test('totals become rates; totals of trouble become counts', () => {
  const before = {
    at: at(0),
    services: [view('ingester', { totals: { eventsReceived: 100, fetchErrors: 1 } })],
  }
  const next = {
    at: at(2),
    services: [view('ingester', { totals: { eventsReceived: 110, fetchErrors: 3 } })],
  }
  assert.deepEqual(samples.sampleOf(next, before).values, {
    'throughput|ingester events received': 5,
    'errors|ingester fetch errors': 2,
  })
  assert.deepEqual(samples.sampleOf(next, null).values, {}, 'one look alone has no rate')
})

test('a restart is a gap, not a negative or a huge rate', () => {
  const before = { at: at(0), services: [view('ingester', { totals: { eventsReceived: 100 } })] }
  const restarted = {
    at: at(2),
    services: [view('ingester', { totals: { eventsReceived: 5000 }, startedAt: at(1) })],
  }
  const fallen = { at: at(2), services: [view('ingester', { totals: { eventsReceived: 5 } })] }
  assert.deepEqual(samples.sampleOf(restarted, before).values, {})
  assert.deepEqual(samples.sampleOf(fallen, before).values, {})
})

test('a stream is one row, with the mark of its writer and the group of its reader', () => {
  const rows = samples.mergeStreams([
    view('ingester', { streams: [{ ...stream, highWaterMark: 100 }] }),
    view('indexer', { streams: [{ ...stream, group: 'g', lag: 3, pending: 4 }] }),
  ])
  assert.deepEqual(rows, [{ ...stream, highWaterMark: 100, group: 'g', lag: 3, pending: 4 }])
})

test('samples older than the window leave', () => {
  const list = [0, 1000, 2000].reduce<samples.Sample[]>(
    (all, time) => samples.withSample(all, { at: time, values: {} }, 1500),
    [],
  )
  assert.deepEqual(
    list.map((sample) => sample.at),
    [1000, 2000],
  )
})

test('the verdict is well only when health, upstreams, streams and recent problems are', () => {
  const judge = (...services: ServiceView[]) => {
    const findings = samples.findingsOf({ at: at(50), services })
    return samples.headline(findings, services)
  }
  assert.equal(judge(view('ingester')), 'All is well')
  assert.equal(judge(), 'No service answers here')
  const ill: Health = { live: true, ready: false, reasons: ['PostgreSQL is away.'] }
  assert.equal(judge(view('ingester'), view('indexer', {}, ill)), 'Not working: indexer')
  const upstream = {
    kind: 'firehose',
    host: 'relay',
    cursor: null,
    secondsSinceData: 9,
    reconnects: 1,
  } as const
  const lost = { ...upstream, state: 'waiting', lastError: 'refused' } as const
  assert.equal(judge(view('ingester', { upstreams: [lost] })), 'Working, but look at: ingester, relay')
  assert.equal(judge(view('ingester', { upstreams: [{ ...lost, state: 'live' }] })), 'All is well')
  const full = { ...stream, length: 90, highWaterMark: 100 }
  assert.equal(judge(view('ingester', { streams: [full] })), 'Working, but look at: firehose_live')
  const problem = { at: at(10), severity: 'error', what: 'x', todo: 'y' } as const
  assert.equal(judge(view('indexer', { problems: [problem] })), 'Working, but look at: indexer')
  assert.equal(judge(view('indexer', { problems: [{ ...problem, severity: 'info' }] })), 'All is well')
})

test('words and numbers are those a person reads', () => {
  assert.equal(samples.wordsOf('eventsReceived'), 'events received')
  assert.deepEqual([0, 7, 0.25, 1234, 60_000, 1_234_567].map(samples.compactNumber), [
    '0',
    '7',
    '0.25',
    '1,234',
    '60k',
    '1.23M',
  ])
  assert.deepEqual([0, 0.2, 59, 600, 7_200].map(samples.ageWords), [
    '0 s',
    '0.2 s',
    '59 s',
    '10 min',
    '2.0 h',
  ])
})

test('an axis reaches above its highest value in a few lines', () => {
  for (const scale of ['linear', 'count', 'log', 'age'] as const) {
    for (const max of [0, 0.3, 1, 7, 999, 41_200, 5e7]) {
      const { top, ticks } = samples.axisOf(max, scale)
      assert.ok(top >= max && ticks.length >= 1 && ticks.length <= 8, `${scale} ${max}: ${ticks.join()}`)
      assert.ok(ticks.every((tick) => tick > 0 && tick <= top))
      assert.ok(samples.heightOf(max, top, scale) <= 1)
    }
  }
})
