/** Cases of the group `ingester`: failures, unreadable frames, labelers, back-pressure. */
import { type AlertCase, flat, gone, type Input, jump, rise, then } from './case.ts'

const TARGET = 'job="rust-ingester", instance="i:1"'
const at = (metric: string, labels = '') => `${metric}{${TARGET}${labels && `, ${labels}`}}`
const warning = `${TARGET}, severity="warning", service="ingester"`
const LONG = 40

const runs = (part: string, value = 1): Input => ({
  [at('ingester_part_running', `part="${part}"`)]: flat(value, LONG),
})

const error = (type: string) => at('ingester_errors_total', `type="${type}"`)
const frames = (type: string, outcome: string) =>
  at('ingester_frames_total', `type="${type}", outcome="${outcome}"`)

const failures: readonly AlertCase[] = [
  {
    alert: 'IngesterErrors',
    says: 'six failures of a kind, seen for 5 minutes, again and again',
    input: { [error('enqueue_failed')]: then(jump(6, 10, 13), flat(12, 5), flat(12, 10)) },
    labels: `${warning}, type="enqueue_failed"`,
    fires: [15, 17.75],
    silent: [9.75, 14.75, 18],
  },
  {
    alert: 'IngesterErrors',
    says: 'five failures, and six unreadable frames',
    input: {
      [error('fetch_failed')]: then(jump(5, 10, 14), flat(10, 16)),
      [error('parse_failed')]: rise(10, 0, 20, 30),
      [at('ingester_errors_total', 'type="rust", exported_type="label_parse"')]: rise(10, 0, 20, 30),
    },
    silent: [15, 17],
  },
  {
    alert: 'FramesUnreadable',
    says: 'more than one frame in a hundred, from minute 10 to 25',
    input: {
      [frames('commit', 'kept')]: rise(594, 0, 40, 40),
      [frames('other', 'dropped')]: rise(6.1, 10, 25, 40),
    },
    labels: warning,
    fires: [20, 25],
    silent: [9.75, 19.75, 25.5],
  },
  {
    alert: 'FramesUnreadable',
    says: 'eight in a thousand, of two kinds, until only these come after minute 20',
    input: {
      [frames('commit', 'kept')]: rise(297.6, 0, 20, 40),
      [frames('identity', 'kept')]: rise(297.6, 0, 20, 40),
      [frames('commit', 'dropped')]: rise(2.4, 0, 40, 40),
      [frames('other', 'dropped')]: rise(2.4, 0, 40, 40),
    },
    labels: warning,
    fires: [26.25],
    silent: [26],
  },
  {
    alert: 'FramesUnreadable',
    says: 'six, of two kinds, are enough',
    input: {
      [frames('commit', 'kept')]: flat(0, 40),
      [frames('commit', 'dropped')]: rise(0.55, 0, 40, 40),
      [frames('other', 'dropped')]: rise(0.55, 0, 40, 40),
    },
    labels: warning,
    fires: [30],
  },
  {
    alert: 'FramesUnreadable',
    says: 'just below one in a hundred',
    input: {
      [frames('commit', 'kept')]: rise(594, 0, 40, 40),
      [frames('commit', 'dropped')]: rise(5.9, 0, 40, 40),
    },
    silent: [30],
  },
  {
    alert: 'FramesUnreadable',
    says: 'five in five minutes are few, whatever the share',
    input: {
      [frames('commit', 'kept')]: flat(0, 40),
      [frames('commit', 'dropped')]: rise(1, 0, 40, 40),
    },
    silent: [30],
  },
  {
    alert: 'FramesUnreadable',
    says: 'six are enough',
    input: {
      [frames('commit', 'kept')]: flat(0, 40),
      [frames('commit', 'dropped')]: rise(1.05, 0, 20, 40),
    },
    labels: warning,
    fires: [15],
    silent: [22],
  },
  {
    alert: 'LabelerDisconnected',
    says: 'one host for 10 minutes; then scrapes fail',
    input: {
      ...runs('labels'),
      [at('ingester_host_connected', 'host="a"')]: then(flat(1, 5), flat(0, 15), gone(5)),
      [at('ingester_host_connected', 'host="b"')]: flat(1, 25),
    },
    labels: `${warning}, host="a"`,
    fires: [15, 20.75],
    silent: [4.75, 14.75, 21],
  },
  {
    alert: 'LabelerDisconnected',
    says: 'connected again',
    input: { ...runs('labels'), [at('ingester_host_connected', 'host="a"')]: then(flat(0, 15), flat(1, 5)) },
    labels: `${warning}, host="a"`,
    fires: [14.75],
    silent: [15],
  },
  {
    alert: 'LabelerDisconnected',
    says: 'this ingester reads no labels',
    input: { ...runs('labels', 0), [at('ingester_host_connected', 'host="a"')]: flat(0, 30) },
    silent: [25],
  },
]

const held = (stream: string) => at('ingester_backpressure_seconds_total', `stream="${stream}"`)
const activations = (stream: string) => at('ingester_backpressure_activations_total', `stream="${stream}"`)

const backpressure: readonly AlertCase[] = [
  {
    alert: 'BackpressureTooLong',
    says: 'stopped 31 s of each minute, until minute 30',
    input: {
      [held('firehose_live')]: rise(31, 5, 30, LONG),
      [held('repo_backfill')]: rise(60, 0, LONG, LONG),
    },
    labels: `${warning}, stream="firehose_live"`,
    fires: [25, 30],
    silent: [24, 30.5],
  },
  {
    alert: 'BackpressureTooLong',
    says: 'half of the time exactly',
    input: { [held('firehose_live')]: rise(30, 0, LONG, LONG) },
    silent: [38],
  },
  {
    alert: 'BackpressureFlapping',
    says: 'eleven activations, seen for half an hour',
    input: {
      [activations('label_live')]: jump(11, 31, 70),
      [activations('firehose_live')]: jump(10, 31, 70),
      [activations('repo_backfill')]: jump(50, 31, 70),
    },
    labels: `${warning}, stream="label_live"`,
    fires: [31, 60.75],
    silent: [30.75, 61],
  },
]

export const ingesterFailureCases: readonly AlertCase[] = [...failures, ...backpressure]
