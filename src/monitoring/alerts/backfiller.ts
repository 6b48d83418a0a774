/** History: repos fail, their proofs fail, nothing moves, dead letters gather. Ratios are of the whole fleet of backfillers. */
import type { Alert, Clock, RuleGroup } from './alert.ts'
import { knownOver } from './fragments.ts'

/** Every attempt ends as one of these three. */
const attempts = (range: string): string =>
  `(sum by (job) (increase(backfiller_repos_failed_total[${range}]))
    + sum by (job) (increase(backfiller_repos_processed_total[${range}]))
    + sum by (job) (increase(backfiller_repos_skipped_total[${range}])))`

const alerts = (clock: Clock): readonly Alert[] => [
  {
    name: 'BackfillerFailureRatio',
    expr: `sum by (job) (increase(backfiller_repos_failed_total[${clock.range(600)}]))
  / ${attempts(clock.range(600))} > 0.2
  and ${attempts(clock.range(600))} > 20`,
    forSeconds: 600,
    severity: 'warning',
    service: 'backfiller',
    summary: '{{ $value | humanizePercentage }} of the attempts at repos fail',
    description:
      'More than one attempt in five has failed for 10 minutes. Check first which reason rises in backfiller_failures_total: one host that is down, or everything.',
    dashboard: 'backfiller',
  },
  {
    name: 'VerificationFailures',
    expr: `sum by (job) (increase(backfiller_verification_errors_total[${clock.range(900)}]))
  / ${attempts(clock.range(900))} > 0.01
  and sum by (job) (increase(backfiller_verification_errors_total[${clock.range(900)}])) > 5`,
    forSeconds: 0,
    severity: 'warning',
    service: 'backfiller',
    summary:
      '{{ $value | humanizePercentage }} of the attempts at repos end at a commit that is not of this account',
    description:
      'Signatures do not fit the keys of the DID documents. Check first whether all come from one host; if they come from everywhere, check the PLC directory and the cache of keys.',
    dashboard: 'backfiller',
  },
  {
    name: 'BackfillStalled',
    expr: `max by (job) (min_over_time(backfiller_repos_waiting[${clock.range(600)}])) > 0
  unless on (job) sum by (job) (increase(backfiller_repos_processed_total[${clock.range(600)}])) + sum by (job) (increase(backfiller_repos_skipped_total[${clock.range(600)}])) > 0`,
    forSeconds: 300,
    severity: 'warning',
    service: 'backfiller',
    summary: '{{ $value | humanize }} repos wait and none has been finished for 10 minutes',
    description:
      'Work is there and nothing comes of it. Check first backfiller_backpressure_active (the indexers are too slow), then backfiller_hosts_held and the failures by reason.',
    dashboard: 'backfiller',
  },
  {
    name: 'DeadLettersGrowing',
    expr: `delta(${knownOver(clock, 'stream:dead_letters:max', 900)}) > 0`,
    forSeconds: 0,
    severity: 'warning',
    service: 'pipeline',
    summary: '{{ $value | humanize }} entries of {{ $labels.stream }} were put aside in the last 15 minutes',
    description:
      'Entries that could not be handled are kept as dead letters. Check first the reason that each entry of the stream <name>_dlq carries.',
    dashboard: 'overview',
  },
]

export const backfiller = (clock: Clock): RuleGroup => ({ name: 'backfiller', alerts: alerts(clock) })
