/** What goes wrong with any service, whatever it does: gone, half there, restarting, stalled, of another build. */
import type { Alert, Clock, RuleGroup } from './alert.ts'
import { OURS, recent } from './fragments.ts'

const CANARIES = [
  ['rust-ingester', 'ingester_firehose_events_total'],
  ['rust-ingester', 'store_up'],
  ['rust-backfiller', 'backfiller_repos_processed_total'],
  ['rust-backfiller', 'stream_undelivered_known'],
  ['rust-indexer', 'indexer_events_processed_total'],
  ['rust-indexer', 'stream_undelivered_known'],
] as const

const withoutSeries = CANARIES.map(
  ([job, metric]) => `(up{job="${job}"} == 1 unless on (job, instance) ${metric})`,
).join('\n  or ')

const presence = (clock: Clock): readonly Alert[] => [
  {
    name: 'TargetDown',
    expr: `up{job=~"rust-.+|prometheus|alertmanager|redis|postgres"} == 0`,
    forSeconds: 120,
    severity: 'critical',
    service: 'target',
    summary: '{{ $labels.job }} on {{ $labels.instance }} does not answer (up = {{ $value }})',
    description:
      'Prometheus cannot read the metrics of this target. Check first whether its process runs; then whether the port answers from the host of Prometheus.',
    dashboard: 'overview',
  },
  {
    name: 'JobAbsent',
    expr: `label_replace(
  absent(up{job="rust-ingester"})
  or absent(up{job="rust-indexer"})
  or (group by (job) (last_over_time(up{job="rust-backfiller"}[${clock.range(86_400)}])) unless on (job) up{job="rust-backfiller"}),
  "service", "$1", "job", "rust-(.+)"
) == 1`,
    forSeconds: 300,
    severity: 'critical',
    service: 'target',
    summary: 'Prometheus has no target of job {{ $labels.job }} (absent = {{ $value }})',
    description:
      'A whole job is missing, so no alert about it can fire. Check first the list of targets in Prometheus, and the file or DNS name its job reads them from.',
    dashboard: 'overview',
  },
  {
    name: 'SeriesAbsent',
    expr: withoutSeries,
    forSeconds: 300,
    severity: 'warning',
    service: 'target',
    summary:
      '{{ $labels.instance }} answers (up = {{ $value }}) without series that {{ $labels.job }} always has',
    description:
      'The endpoint answers, yet alerts and panels that read these series are blind. Check first that the target is the port of that service and the build is a current one, then MetricsUnreadable.',
    dashboard: 'overview',
  },
]

const health = (clock: Clock): readonly Alert[] => [
  {
    name: 'ServiceRestarting',
    expr: `changes(process_start_time_seconds{${OURS}}[${clock.range(900)}]) > 2`,
    forSeconds: 0,
    severity: 'warning',
    service: 'target',
    summary: '{{ $labels.instance }} started again {{ $value }} times in 15 minutes',
    description:
      'The process ends and is started again. Check first the last lines it logged before it ended, then whether the kernel killed it for its memory.',
    dashboard: 'systemHealth',
  },
  {
    name: 'ServiceNotReady',
    expr: `${recent(clock, `service_ready{${OURS}}`)} == 0`,
    forSeconds: 300,
    severity: 'warning',
    service: 'target',
    summary: '{{ $labels.job }} on {{ $labels.instance }} is not ready (service_ready = {{ $value }})',
    description:
      'The process runs and says itself that it cannot work. Check first what /readyz of that instance gives as the reason.',
    dashboard: 'systemHealth',
  },
  {
    name: 'EventLoopStalled',
    expr: `quantile_over_time(0.5, nodejs_eventloop_lag_max_seconds{${OURS}}[${clock.range(300)}]) > 1`,
    forSeconds: 120,
    severity: 'warning',
    service: 'target',
    summary:
      'The event loop of {{ $labels.instance }} stands still for {{ $value | humanizeDuration }} again and again',
    description:
      'In at least half of the scrapes of the last 5 minutes something had blocked the process for longer than a second; sockets and timers wait as long. Check first CPU and heap of that process.',
    dashboard: 'performance',
  },
  {
    name: 'MixedVersions',
    expr: `count(count by (version, commit) (build_info{${OURS}})) > 1`,
    forSeconds: 1_800,
    severity: 'warning',
    service: 'pipeline',
    summary: '{{ $value }} different builds have been running side by side for half an hour',
    description:
      'A deployment is not finished, or an old image is still in use. Check first version and commit of build_info by instance.',
    dashboard: 'overview',
  },
]

export const fleet = (clock: Clock): RuleGroup => ({
  name: 'fleet',
  alerts: [...presence(clock), ...health(clock)],
})
