/** The way out: streams are not read, not fast enough, not at all; entries wait, are lost, or fail on their way to the database. */
import type { Alert, Clock, RuleGroup } from './alert.ts'
import { indexerFailures } from './indexer-failures.ts'
import { LIVE } from './fragments.ts'
import { freshnessAlerts } from './freshness.ts'

const lateness = (clock: Clock): readonly Alert[] => [
  {
    name: 'IndexerBehind',
    expr: `stream:oldest_undelivered_age_seconds:max{${LIVE}} > ${clock.value(300)}`,
    forSeconds: 300,
    severity: 'warning',
    service: 'indexer',
    summary: 'The next entry of {{ $labels.stream }} has waited {{ $value | humanizeDuration }}',
    description:
      'The indexers are late on a live stream. Check first stream:drain_seconds:eta for that stream: a figure means it recovers, +Inf that it does not.',
    dashboard: 'indexer',
  },
  {
    name: 'IndexerFarBehind',
    expr: `stream:oldest_undelivered_age_seconds:max{${LIVE}} > ${clock.value(1_800)}`,
    forSeconds: 300,
    severity: 'critical',
    service: 'indexer',
    summary: 'The next entry of {{ $labels.stream }} has waited {{ $value | humanizeDuration }}',
    description:
      'Users see a network of half an hour ago or older. Check first whether the indexers commit at all (IndexerStuck), then statement time and pool of the database.',
    dashboard: 'indexer',
  },
  {
    name: 'IntakeAboveDrain',
    expr: `stream:undelivered_entries:deriv10m{${LIVE}} > 0
  and min_over_time(stream:undelivered_entries:max{${LIVE}}[${clock.range(600)}]) > 1000`,
    forSeconds: 600,
    severity: 'warning',
    service: 'indexer',
    summary: '{{ $labels.stream }} grows by {{ $value | humanize }} entries a second',
    description:
      'More is written than read, and has been for 10 minutes. Check first whether intake rose or drain fell; each has its own panel.',
    dashboard: 'indexer',
  },
]

const progress = (clock: Clock): readonly Alert[] => [
  {
    name: 'IndexerStuck',
    expr: `sum by (stream) (rate(stream_acknowledged_total{job="rust-indexer"}[${clock.range(300)}])) == 0
  and on (stream) (
    stream:undelivered_entries:max > 0
    or stream:pending_entries:max > 0
    or ingester:entries_written:rate5m > 0
  )`,
    forSeconds: 300,
    severity: 'critical',
    service: 'indexer',
    summary: '{{ $labels.stream }} has work and {{ $value }} entries a second are finished',
    description:
      'Nothing of this stream reaches the database, though there is something to do. Check first whether PostgreSQL answers; then StoreUnsafe, whose check group_ahead means a reader that stands beyond the end of its stream.',
    dashboard: 'indexer',
  },
  {
    name: 'IndexedRateLow',
    expr: `sum by (stream) (rate(stream_acknowledged_total{job="rust-indexer"}[${clock.range(600)}]))
  / on (stream) sum by (stream) (rate(ingester_entries_written_total[${clock.range(600)}])) < 0.5
  and on (stream) sum by (stream) (rate(ingester_entries_written_total[${clock.range(600)}])) > 1`,
    forSeconds: 600,
    severity: 'critical',
    service: 'indexer',
    summary: 'Only {{ $value | humanizePercentage }} of what comes into {{ $labels.stream }} is indexed',
    description:
      'Entries finished by the indexers over entries written by the ingester; 100 % when all keep up. Check first how many indexers are up, then pool waiting and statement time.',
    dashboard: 'indexer',
  },
]

const entries = (clock: Clock): readonly Alert[] => [
  {
    name: 'PendingIdle',
    expr: `max by (stream) (stream_oldest_pending_idle_seconds) > ${clock.value(300)}`,
    forSeconds: 300,
    severity: 'warning',
    service: 'pipeline',
    summary:
      'An entry of {{ $labels.stream }} was delivered {{ $value | humanizeDuration }} ago and nobody finishes it',
    description:
      'A consumer took it and neither acknowledges it nor does another claim it. Check first stream_consumers: an abandoned one, or one that hangs.',
    dashboard: 'indexer',
  },
  {
    name: 'StreamEntriesLost',
    expr: `sum by (stream) (increase(stream_entries_lost_total[${clock.range(900)}])) > 0`,
    forSeconds: 0,
    severity: 'critical',
    service: 'pipeline',
    summary: '{{ $value | humanize }} entries of {{ $labels.stream }} are gone before anybody handled them',
    description:
      'Data is lost: entries were trimmed, deleted or evicted while undelivered or pending. Check first who else trims the stream and the policy of the store (StoreUnsafe); then backfill.',
    dashboard: 'indexer',
  },
  {
    name: 'UndeliveredUnknown',
    expr: `max by (stream) (last_over_time(stream_undelivered_known[${clock.range(60)}])) == 0`,
    forSeconds: 600,
    severity: 'warning',
    service: 'pipeline',
    summary: 'How far behind the readers of {{ $labels.stream }} are is not known (known = {{ $value }})',
    description:
      'The store cannot tell the undelivered entries, so the alerts on lateness are blind for this stream. Check first whether the consumer group exists and who moved it.',
    dashboard: 'indexer',
  },
  {
    name: 'ConsumerAbandoned',
    expr: `max by (stream) (stream_consumers{state="abandoned"}) > 0`,
    forSeconds: 600,
    severity: 'warning',
    service: 'pipeline',
    summary: '{{ $value }} consumers of {{ $labels.stream }} hold entries and do not come back',
    description:
      'A replica left for good while it held entries, and the others have not taken them over. Check first whether the others claim (stream_claims_total); remove a consumer only when it holds nothing.',
    dashboard: 'indexer',
  },
]

const accounts = (): readonly Alert[] => [
  {
    name: 'ConservationBroken',
    expr: `abs(ingester_conservation_residual) > 0
  or abs(backfiller_conservation_residual) > 0
  or abs(indexer_conservation_residual) > 0`,
    forSeconds: 60,
    severity: 'critical',
    service: 'pipeline',
    summary:
      '{{ $value | humanize }} events at {{ $labels.instance }} are neither written, dropped with a reason, nor in flight',
    description:
      'What came in is not what went out: a fault in the service itself. Check first its version and log, and report it; the residual names the stage.',
    dashboard: 'overview',
  },
]

export const indexer = (clock: Clock): RuleGroup => ({
  name: 'indexer',
  alerts: [
    ...lateness(clock),
    ...progress(clock),
    ...entries(clock),
    ...indexerFailures(clock),
    ...freshnessAlerts(clock),
    ...accounts(),
  ],
})
