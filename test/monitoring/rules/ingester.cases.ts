/** Cases of the group `ingester`. */
import { type AlertCase, flat, gone, type Input, jump, rise, type Samples, then } from './case.ts'

const TARGET = 'job="rust-ingester", instance="i:1"'
const at = (metric: string, labels = '') => `${metric}{${TARGET}${labels && `, ${labels}`}}`
const critical = `${TARGET}, severity="critical", service="ingester"`
const warning = `${TARGET}, severity="warning", service="ingester"`
const LONG = 40

const runs = (part: string, value = 1): Input => ({
  [at('ingester_part_running', `part="${part}"`)]: flat(value, LONG),
})
const connected = (value: number | Samples): Input => ({
  [at('ingester_websocket_connections', 'type="firehose"')]:
    typeof value === 'number' ? flat(value, LONG) : value,
})
const heldBack = (samples: Samples): Input => ({
  [at('ingester_backpressure_seconds_total', 'stream="firehose_live"')]: samples,
})

const quiet = (samples: Samples): Input => ({ [at('ingester_seconds_since_last_frame')]: samples })
const calm: Input = { ...runs('firehose'), ...connected(1), ...heldBack(flat(0, LONG)) }

const silence: readonly AlertCase[] = [
  {
    alert: 'FirehoseSilent',
    says: 'a minute is not longer than a minute; 61 s are; then scrapes fail',
    input: { ...calm, ...quiet(then(flat(60, 5), flat(61, 5), gone(5))) },
    labels: critical,
    fires: [6, 10.75],
    silent: [4.75, 5.75, 11],
  },
  {
    alert: 'FirehoseSilent',
    says: 'frames come again',
    input: { ...calm, ...quiet(then(flat(100, 5), flat(0, 5))) },
    labels: critical,
    fires: [4.75],
    silent: [5],
  },
  {
    alert: 'FirehoseSilent',
    says: 'the silent connection is given up and made again all the time; then none is to be had, which is another alert',
    input: {
      ...calm,
      ...connected(then(...Array.from({ length: 4 }, () => then(flat(0, 0.5), flat(1, 0.5))), flat(0, 6))),
      ...quiet(flat(100, 10)),
    },
    labels: critical,
    fires: [1.5, 2, 3.25, 5.75],
    silent: [6],
  },
  {
    alert: 'FirehoseSilent',
    says: 'nothing is connected, which is another alert',
    input: { ...calm, ...connected(0), ...quiet(flat(100, 10)) },
    silent: [9],
  },
  {
    alert: 'FirehoseSilent',
    says: 'this ingester reads no firehose',
    input: { ...calm, ...runs('firehose', 0), ...quiet(flat(100, 10)) },
    silent: [9],
  },
  {
    alert: 'FirehoseSilent',
    says: 'held back by its own stream until minute 5',
    input: { ...calm, ...heldBack(rise(30, 0, 5, 12)), ...quiet(flat(100, 12)) },
    labels: critical,
    fires: [7],
    silent: [4, 6.75],
  },
  {
    alert: 'FirehoseDisconnected',
    says: 'the last connection breaks; then scrapes fail',
    input: { ...runs('firehose'), ...connected(then(flat(1, 5), flat(0, 5), gone(5))) },
    labels: `${critical}, type="firehose"`,
    fires: [7, 10.75],
    silent: [4.75, 6.75, 11],
  },
  {
    alert: 'FirehoseDisconnected',
    says: 'as a job scrapes it whose targets have a type of their own; no labeler counts',
    input: {
      ...runs('firehose'),
      [at('ingester_websocket_connections', 'type="rust", exported_type="firehose"')]: flat(0, 10),
      [at('ingester_websocket_connections', 'type="rust", exported_type="labels"')]: flat(0, 10),
      [at('ingester_websocket_connections', 'type="labels"')]: flat(0, 10),
    },
    labels: `${critical}, type="rust", exported_type="firehose"`,
    fires: [9],
  },
  {
    alert: 'FirehoseDisconnected',
    says: 'connected again',
    input: { ...runs('firehose'), ...connected(then(flat(0, 5), flat(1, 5))) },
    labels: `${critical}, type="firehose"`,
    fires: [4.75],
    silent: [5],
  },
  {
    alert: 'FirehoseDisconnected',
    says: 'this ingester reads labels only',
    input: { ...runs('firehose', 0), ...runs('labels'), ...connected(0) },
    silent: [10],
  },
]

/** promtool's clock starts at 0: an event of minute `m` is `60 m`. */
const eventTimes = (lateBy: (minute: number) => number, minutes: number): Samples =>
  Array.from({ length: minutes * 4 }, (_, i) => Math.max(0, i * 15 - lateBy(i / 4)))

const lateness: readonly AlertCase[] = [
  {
    alert: 'FirehoseBehind',
    says: 'exactly 300 s late, then 301 s, then caught up',
    input: {
      ...runs('firehose'),
      [at('ingester_last_event_time_seconds')]: eventTimes(
        (minute) => (minute < 10 ? 300 : minute < 20 ? 301 : 0),
        25,
      ),
    },
    labels: critical.replace('critical', 'warning'),
    fires: [15, 19.75],
    silent: [9.75, 14.75, 20],
  },
  {
    alert: 'FirehoseBehind',
    says: 'no event was ever read: 0 is not 1970',
    input: { ...runs('firehose'), [at('ingester_last_event_time_seconds')]: flat(0, 20) },
    silent: [19],
  },
  {
    alert: 'FirehoseBehind',
    says: 'scrapes fail for a minute, and then for good',
    input: { ...runs('firehose'), [at('ingester_last_event_time_seconds')]: then(flat(10, 15), gone(5)) },
    labels: warning,
    fires: [15.75],
    silent: [16],
  },
  {
    alert: 'FirehoseBehind',
    says: 'this ingester reads no firehose',
    input: { ...runs('firehose', 0), [at('ingester_last_event_time_seconds')]: flat(1, 20) },
    silent: [19],
  },
  {
    alert: 'CursorStuck',
    says: 'frames come and the cursor is 121 s old; then scrapes fail',
    input: {
      ...runs('firehose'),
      [at('ingester_cursor_age_seconds')]: then(flat(120, 5), flat(121, 5), gone(5)),
      [at('ingester_frame_bytes_total', 'part="firehose"')]: rise(100, 0, 20, 20),
    },
    labels: critical,
    fires: [7, 10.75],
    silent: [4.75, 6.75, 11],
  },
  {
    alert: 'CursorStuck',
    says: 'the cursor moves again',
    input: {
      ...runs('firehose'),
      [at('ingester_cursor_age_seconds')]: then(flat(200, 5), flat(1, 5)),
      [at('ingester_frame_bytes_total', 'part="firehose"')]: rise(100, 0, 20, 20),
    },
    labels: critical,
    fires: [4.75],
    silent: [5],
  },
  {
    alert: 'CursorStuck',
    says: 'no frames since minute 5: there is nothing to save',
    input: {
      ...runs('firehose'),
      [at('ingester_cursor_age_seconds')]: flat(200, 20),
      [at('ingester_frame_bytes_total', 'part="firehose"')]: rise(100, 0, 5, 20),
    },
    labels: critical,
    fires: [5.75],
    silent: [6],
  },
  {
    alert: 'CursorStuck',
    says: 'from minute 5 to 10 it is held back, which has alerts of its own',
    input: {
      ...runs('firehose'),
      [at('ingester_cursor_age_seconds')]: flat(200, 20),
      [at('ingester_frame_bytes_total', 'part="firehose"')]: rise(100, 0, 20, 20),
      ...heldBack(rise(60, 5, 10, 20)),
      [at('ingester_backpressure_seconds_total', 'stream="label_live"')]: rise(60, 0, 20, 20),
    },
    labels: critical,
    fires: [5, 13],
    silent: [5.25, 12.75],
  },
  {
    alert: 'CursorStuck',
    says: 'this ingester reads no firehose',
    input: {
      ...runs('firehose', 0),
      [at('ingester_cursor_age_seconds')]: flat(200, 20),
      [at('ingester_frame_bytes_total', 'part="firehose"')]: rise(100, 0, 20, 20),
    },
    silent: [19],
  },
]

const seen = (alert: string, metric: string, window: number, labels = ''): AlertCase => ({
  alert,
  says: `once, and seen for ${window} minutes`,
  input: { [at(metric, labels)]: jump(1, 10, 10 + window + 5) },
  labels: [warning, labels].filter((each) => each !== '').join(', '),
  fires: [10, 9.75 + window],
  silent: [9.75, 10 + window],
})

const gaps: readonly AlertCase[] = [
  seen('SequenceGap', 'ingester_sequence_numbers_missed_total', 15, 'part="firehose"'),
  seen('OutdatedCursor', 'ingester_outdated_cursors_total', 15, 'part="labels"'),
  seen('RepoRangesSkipped', 'ingester_backfill_cursor_skips_total', 60),
]

export const ingesterCases: readonly AlertCase[] = [...silence, ...lateness, ...gaps]
