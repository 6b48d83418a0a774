/** Cases of the recorded series: their values at moments where another window, sum or sign would give another. */
import { flat, type Input, ramp, type RecordingCase, rise, type Samples, then } from './case.ts'

const of = (metric: string, job: string, instance: string, labels = '') =>
  `${metric}{job="${job}", instance="${instance}"${labels && `, ${labels}`}}`

const A = '{stream="a"}'
const maxima = [
  'entries',
  'undelivered_entries',
  'oldest_undelivered_age_seconds',
  'pending_entries',
  'dead_letters',
].map((figure): RecordingCase => ({
  record: `stream:${figure}:max`,
  input: {
    [of(`stream_${figure}`, 'rust-indexer', 'x:1', 'stream="a"')]: flat(5, 2),
    [of(`stream_${figure}`, 'rust-indexer', 'x:2', 'stream="a"')]: flat(3, 2),
    [of(`stream_${figure}`, 'rust-backfiller', 'b:1', 'stream="b"')]: flat(1, 2),
  },
  at: { 1: { [A]: 5, '{stream="b"}': 1 } },
}))

/** 60 a minute at each of two replicas from minute 10 on: at minute 12.5 half of the window of 5 minutes has it. */
const rate = (record: string, metric: string, labels = ''): RecordingCase => ({
  record,
  input: {
    [of(metric, 'j', 'x:1', labels)]: rise(60, 10, 30, 30),
    [of(metric, 'j', 'x:2', labels)]: rise(60, 10, 30, 30),
  },
  at: { 12.5: { [`{${labels}}`]: 1 }, 20: { [`{${labels}}`]: 2 } },
})

const undelivered = (samples: Samples): Input => ({
  [of('stream_undelivered_entries', 'rust-indexer', 'x:1', 'stream="a"')]: samples,
})
const used = (samples: Samples): Input => ({
  [of('store_used_bytes', 'j', 'x:1')]: samples,
  [of('store_used_bytes', 'j', 'x:2')]: samples.map(() => 0),
  [of('store_capacity_bytes', 'j', 'x:1')]: samples.map(() => 10_000),
  [of('store_capacity_bytes', 'j', 'x:2')]: samples.map(() => 10_000),
})

const forecasts: readonly RecordingCase[] = [
  {
    record: 'stream:undelivered_entries:deriv10m',
    // Not known for a minute: the slope is that of what is known, before, meanwhile and after.
    input: undelivered(then(ramp(0, 60, 15), flat(NaN, 1), ramp(960, 60, 14))),
    at: { 10: { [A]: 1 }, 15.75: { [A]: 1 }, 20: { [A]: 1 } },
  },
  {
    record: 'stream:undelivered_entries:deriv10m',
    // From 0 on, at minute 10; half of the window has it at minute 15.
    input: undelivered(then(flat(0, 10), ramp(0, 60, 20))),
    at: { 5: { [A]: 0 }, 15: { [A]: 0.5 }, 25: { [A]: 1 } },
  },
  {
    record: 'stream:drain_seconds:eta',
    // It falls by 60 a minute to 0, which it reaches at minute 30.
    input: undelivered(then(flat(1_200, 10), ramp(1_200, -60, 20), flat(0, 20))),
    at: { 9: { [A]: Infinity }, 15: { [A]: 1_800 }, 20.25: { [A]: 585 }, 29: { [A]: 60 }, 31: { [A]: 0 } },
  },
  { record: 'stream:drain_seconds:eta', input: undelivered(ramp(10, 10, 20)), at: { 15: { [A]: Infinity } } },
  {
    record: 'stream:drain_seconds:eta',
    input: undelivered(then(flat(1, 20), ramp(10_001, -60, 20))),
    at: { 10: { [A]: Infinity }, 30.25: { [A]: 9_386 } },
  },
  {
    record: 'store:full_seconds:eta',
    // 60 bytes a minute from minute 10 on; 10,000 - 1,800 are left at minute 40.
    input: used(then(flat(0, 10), ramp(0, 60, 60))),
    at: { 5: { '{}': Infinity }, 25: { '{}': 14_073.7705 }, 40: { '{}': 8_200 }, 60: { '{}': 7_000 } },
  },
  {
    record: 'store:full_seconds:eta',
    // Away for a minute: what was known before and after goes on to count.
    input: used(then(ramp(0, 60, 20), flat(NaN, 1), ramp(1_260, 60, 20))),
    at: { 19: { '{}': 8_860 }, 25: { '{}': 8_500 }, 40: { '{}': 7_600 } },
  },
  { record: 'store:full_seconds:eta', input: used(ramp(9_000, -60, 60)), at: { 40: { '{}': Infinity } } },
]

const WINDOWS: Readonly<Record<string, number>> = {
  '5m': 5,
  '30m': 30,
  '1h': 60,
  '2h': 120,
  '6h': 360,
  '1d': 1_440,
  '3d': 4_320,
}

/** Until the window is full all are in time; then two in five are late at one of two replicas, for half a window. */
const ratios = Object.entries(WINDOWS).map(([window, minutes]): RecordingCase => {
  const step = (minutes * 60) / 20
  const count = Array.from({ length: 62 }, (_, i) => i * 100 + Math.max(0, i - 45) * 200)
  const late = Array.from({ length: 62 }, (_, i) => Math.max(0, i - 40) * 40)
  const series = (metric: string, instance: string, labels = '') =>
    of(metric, 'rust-indexer', instance, `stream="firehose_live"${labels}`)
  return {
    record: `slo:freshness_error:ratio_rate${window}`,
    step,
    input: {
      [series('indexer_freshness_seconds_bucket', 'x:1', ', le="30"')]: count.map(
        (value, i) => value - (late[i] ?? 0),
      ),
      [series('indexer_freshness_seconds_bucket', 'x:2', ', le="30.0"')]: count,
      [series('indexer_freshness_seconds_bucket', 'x:2', ', le="5"')]: count.map(() => 0),
      [series('indexer_freshness_seconds_count', 'x:1')]: count,
      [series('indexer_freshness_seconds_count', 'x:2')]: count,
      'indexer_freshness_seconds_bucket{stream="firehose_backfill", le="30"}': count.map(() => 0),
      'indexer_freshness_seconds_count{stream="firehose_backfill"}': count,
    },
    at: { [(50 * step) / 60]: { '{}': 0.0667 } },
  }
})

export const recordingCases: readonly RecordingCase[] = [
  ...maxima,
  rate('ingester:firehose_events:rate5m', 'ingester_firehose_events_total'),
  rate('ingester:entries_written:rate5m', 'ingester_entries_written_total', 'stream="a"'),
  rate('indexer:events_processed:rate5m', 'indexer_events_processed_total'),
  rate('backfiller:repos_processed:rate5m', 'backfiller_repos_processed_total'),
  ...forecasts,
  ...ratios,
  {
    record: 'slo:freshness:error_budget_remaining',
    input: { 'slo:freshness_error:ratio_rate3d': flat(0.004, 5) },
    at: { 4: { '{}': 0.6 } },
  },
]
