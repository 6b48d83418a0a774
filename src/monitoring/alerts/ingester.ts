/** The way in: the relay is silent, gone, late, has gaps; the cursor stands; the output is full. */
import type { Alert, Clock, RuleGroup } from './alert.ts'
import { recent, RELAY_SOCKETS, typeIsNot, whilePartRuns } from './fragments.ts'

const FIREHOSE = whilePartRuns('firehose')

/** Stopped by back-pressure of its own stream, an ingester reads nothing by design. */
const unlessHeldBack = (clock: Clock): string =>
  `unless on (job, instance) rate(ingester_backpressure_seconds_total{stream="firehose_live"}[${clock.range(60)}]) > 0`

/** A silent connection is given up and made again every half a minute: what counts is that one is to be had. */
const firehose = (clock: Clock): readonly Alert[] => [
  {
    name: 'FirehoseSilent',
    expr: `${recent(clock, 'ingester_seconds_since_last_frame')} > ${clock.value(60)}
  and on (job, instance) max_over_time(${RELAY_SOCKETS}[${clock.range(120)}]) > 0
  ${FIREHOSE}
  ${unlessHeldBack(clock)}`,
    forSeconds: 60,
    severity: 'critical',
    service: 'ingester',
    summary: 'No frame from a relay for {{ $value | humanizeDuration }} at {{ $labels.instance }}',
    description:
      'A relay is connected, or one of several is not, and sends nothing; the network is never silent that long. Check first ingester_host_connected and ingester_last_frame_time_seconds by host.',
    dashboard: 'ingester',
  },
  {
    name: 'FirehoseDisconnected',
    expr: `${recent(clock, RELAY_SOCKETS)} == 0 ${FIREHOSE}`,
    forSeconds: 120,
    severity: 'critical',
    service: 'ingester',
    summary: '{{ $labels.instance }} has {{ $value }} connections to a relay',
    description:
      'Nothing comes in. Check first the last error of the relay in `millrace status`, then whether its name resolves and port 443 answers.',
    dashboard: 'ingester',
  },
  {
    name: 'FirehoseBehind',
    expr: `(time() - (${recent(clock, 'ingester_last_event_time_seconds')} > 0)) > ${clock.value(300)} ${FIREHOSE}`,
    forSeconds: 300,
    severity: 'warning',
    service: 'ingester',
    summary: '{{ $labels.instance }} reads events that are {{ $value | humanizeDuration }} old',
    description:
      'The ingester is catching up, is held back, or its relay is late. Check first back-pressure; then whether the lateness falls.',
    dashboard: 'ingester',
  },
  {
    name: 'CursorStuck',
    expr: `${recent(clock, 'ingester_cursor_age_seconds')} > ${clock.value(120)}
  and on (job, instance) rate(ingester_frame_bytes_total{part="firehose"}[${clock.range(60)}]) > 0
  ${FIREHOSE}
  ${unlessHeldBack(clock)}`,
    forSeconds: 120,
    severity: 'critical',
    service: 'ingester',
    summary:
      'The firehose cursor of {{ $labels.instance }} was last saved {{ $value | humanizeDuration }} ago',
    description:
      'Frames arrive, nothing becomes durable, and the ingester is not held back; after a restart all of it is read again. Check first ingester_append_retries_total and whether the store takes appends.',
    dashboard: 'ingester',
  },
]

const gaps = (clock: Clock): readonly Alert[] => [
  {
    name: 'SequenceGap',
    expr: `sum by (job, instance, part) (increase(ingester_sequence_numbers_missed_total[${clock.range(900)}])) > 0`,
    forSeconds: 0,
    severity: 'warning',
    service: 'ingester',
    summary:
      'An upstream of {{ $labels.instance }} ({{ $labels.part }}) left out {{ $value | humanize }} sequence numbers',
    description:
      'Events between two frames of one connection never came. Check first whether the relay itself skips them (a second relay tells); repos touched by them need a backfill.',
    dashboard: 'ingester',
  },
  {
    name: 'OutdatedCursor',
    expr: `sum by (job, instance, part) (increase(ingester_outdated_cursors_total[${clock.range(900)}])) > 0`,
    forSeconds: 0,
    severity: 'warning',
    service: 'ingester',
    summary:
      'An upstream of {{ $labels.instance }} ({{ $labels.part }}) no longer had the events after our cursor ({{ $value | humanize }} times)',
    description:
      'The ingester was away for longer than the relay keeps events: what lies between is missing. Check first how long it was away; then backfill.',
    dashboard: 'ingester',
  },
  {
    name: 'RepoRangesSkipped',
    expr: `sum by (job, instance) (increase(ingester_backfill_cursor_skips_total[${clock.range(3_600)}])) > 0`,
    forSeconds: 0,
    severity: 'warning',
    service: 'ingester',
    summary:
      '{{ $value | humanize }} ranges of the list of repos were stepped over by {{ $labels.instance }}',
    description:
      'The relay fails at these positions of listRepos, so the repos there are not queued. Check first the checkpoint repo_backfill:skipped:<host>, which keeps every range.',
    dashboard: 'ingester',
  },
]

const failures = (clock: Clock): readonly Alert[] => [
  {
    name: 'IngesterErrors',
    expr: `sum by (job, instance, type, exported_type) (increase(ingester_errors_total{${typeIsNot('parse_failed|label_parse')}}[${clock.range(300)}])) > 5`,
    forSeconds: 300,
    severity: 'warning',
    service: 'ingester',
    summary:
      '{{ $value | humanize }} failures of kind {{ or $labels.exported_type $labels.type }} in 5 minutes at {{ $labels.instance }}',
    description:
      'The ingester handles each of them by trying again, yet they do not stop. Check first its log for that kind, and the state of the upstream or store it names.',
    dashboard: 'ingester',
  },
  {
    name: 'FramesUnreadable',
    expr: `sum by (job, instance) (rate(ingester_frames_total{outcome="dropped"}[${clock.range(300)}]))
  / sum by (job, instance) (rate(ingester_frames_total[${clock.range(300)}])) > 0.01
  and sum by (job, instance) (increase(ingester_frames_total{outcome="dropped"}[${clock.range(300)}])) > 5`,
    forSeconds: 300,
    severity: 'warning',
    service: 'ingester',
    summary: '{{ $value | humanizePercentage }} of the frames at {{ $labels.instance }} cannot be read',
    description:
      'Events are dropped because their frames are not what the protocol says. Check first the message type in ingester_frames_total, and whether one host sends them all.',
    dashboard: 'ingester',
  },
  {
    name: 'LabelerDisconnected',
    expr: `${recent(clock, 'ingester_host_connected')} == 0 ${whilePartRuns('labels')}`,
    forSeconds: 600,
    severity: 'warning',
    service: 'ingester',
    summary: '{{ $labels.instance }} is not connected to {{ $labels.host }} (connected = {{ $value }})',
    description:
      'Labels of this labeler (or events of this relay, when it is one of several) do not come in. Check first its last error in `millrace status`.',
    dashboard: 'ingester',
  },
]

/** The list of repos is longer than any mark: back-pressure there is how a backfill works. */
const NOT_LISTING = '{stream!="repo_backfill"}'

const backpressure = (clock: Clock): readonly Alert[] => [
  {
    name: 'BackpressureTooLong',
    expr: `rate(ingester_backpressure_seconds_total${NOT_LISTING}[${clock.range(300)}]) > 0.5`,
    forSeconds: 900,
    severity: 'warning',
    service: 'ingester',
    summary:
      '{{ $labels.instance }} has been held back {{ $value | humanizePercentage }} of the time by {{ $labels.stream }}',
    description:
      'The readers of this stream have been too slow for a quarter of an hour; the relay keeps events for a few days only. Check first IndexerStuck and the alerts of the database.',
    dashboard: 'performance',
  },
  {
    name: 'BackpressureFlapping',
    expr: `increase(ingester_backpressure_activations_total${NOT_LISTING}[${clock.range(1_800)}]) > 10`,
    forSeconds: 0,
    severity: 'warning',
    service: 'ingester',
    summary:
      '{{ $labels.stream }} held {{ $labels.instance }} back {{ $value | humanize }} times in half an hour',
    description:
      'The stream hovers at its high-water mark: drain is just about intake. Check first the drain rate of the indexers; a higher mark only hides it.',
    dashboard: 'performance',
  },
]

export const ingester = (clock: Clock): RuleGroup => ({
  name: 'ingester',
  alerts: [...firehose(clock), ...gaps(clock), ...failures(clock), ...backpressure(clock)],
})
