/** What the indexer tells of its own work at the database: errors by ratio and class, waiting for connections, slow statements. */
import type { Alert, Clock } from './alert.ts'

const errors = (clock: Clock): readonly Alert[] => [
  {
    name: 'IndexerErrorRatio',
    expr: `sum by (job) (rate(indexer_errors_total[${clock.range(300)}]))
  / sum by (job) (rate(indexer_events_processed_total[${clock.range(300)}])) > 0.01
  and sum by (job) (increase(indexer_errors_total[${clock.range(300)}])) > 10`,
    forSeconds: 300,
    severity: 'warning',
    service: 'indexer',
    summary: '{{ $value | humanizePercentage }} failures per event indexed',
    description:
      'Expected failures are records that nobody could index, unexpected ones are ours. Check first which of indexer_expected_errors_total and indexer_unexpected_errors_total rises.',
    dashboard: 'indexer',
  },
  {
    name: 'DatabaseErrors',
    expr: `sum by (class) (increase(indexer_db_errors_total{class!~"deadlock|serialization"}[${clock.range(300)}])) > 0`,
    forSeconds: 600,
    severity: 'warning',
    service: 'database',
    summary: '{{ $value | humanize }} errors of class {{ $labels.class }} from PostgreSQL in 5 minutes',
    description:
      'Batches fail and are tried again, for 10 minutes now. Check first the log of an indexer for the statement; class connection means DatabaseDown or DatabaseConnectionsHigh.',
    dashboard: 'indexer',
  },
  {
    name: 'DatabaseConflicts',
    expr: `sum by (job) (rate(indexer_db_conflicts_total[${clock.range(300)}]))
  / sum by (job) (rate(indexer_batch_seconds_count[${clock.range(300)}])) > 0.05
  and sum by (job) (increase(indexer_db_conflicts_total[${clock.range(300)}])) > 5`,
    forSeconds: 600,
    severity: 'warning',
    service: 'database',
    summary: '{{ $value | humanize }} conflicts per batch: writers meet in the same rows',
    description:
      'Deadlocks or serialization failures make indexers repeat transactions. Check first whether another program writes to these tables.',
    dashboard: 'indexer',
  },
]

const waiting = (clock: Clock): readonly Alert[] => [
  {
    name: 'PoolStarved',
    expr: `min_over_time(db_pool_waiting[${clock.range(60)}]) > 0
  unless on (job, instance) max_over_time(db_pool_available[${clock.range(60)}]) > 0`,
    forSeconds: 120,
    severity: 'warning',
    service: 'database',
    summary: '{{ $value }} requests of {{ $labels.instance }} wait for a connection',
    description:
      'Every connection of the pool is busy. Check first what they do (LongTransaction, DatabaseSlow, locks); a larger pool helps only a database that is idle.',
    dashboard: 'performance',
  },
  {
    name: 'DatabaseSlow',
    expr: `histogram_quantile(0.99, sum by (kind, le) (rate(indexer_statement_seconds_bucket[${clock.range(300)}]))) > 1`,
    forSeconds: 600,
    severity: 'warning',
    service: 'database',
    summary:
      'One in a hundred statements of kind {{ $labels.kind }} takes longer than {{ $value | humanizeDuration }}',
    description:
      'Statements are slow at the server. Check first disk and CPU of PostgreSQL, then vacuum and the plan of that statement.',
    dashboard: 'performance',
  },
  {
    name: 'IdentityQueueStuck',
    // What failed is put off, so that a directory that is away leaves nothing waiting; some identities need no directory.
    expr: `sum by (job) (increase(indexer_identity_lookups_total{outcome="failed"}[${clock.range(900)}]))
  > 10 + 9 * sum by (job) (increase(indexer_identity_lookups_total{outcome!="failed"}[${clock.range(900)}]))
or max by (job) (min_over_time(indexer_identity_queue_entries[${clock.range(900)}])) > 0
  unless on (job) sum by (job) (increase(indexer_identity_lookups_total{outcome!="failed"}[${clock.range(900)}])) > 0`,
    forSeconds: 300,
    severity: 'warning',
    service: 'indexer',
    summary:
      '{{ $value | humanize }} look-ups of accounts have failed or wait, and for 15 minutes hardly any has succeeded',
    description:
      'New accounts stay without a handle. Check first whether the PLC directory answers from the indexers.',
    dashboard: 'indexer',
  },
]

export const indexerFailures = (clock: Clock): readonly Alert[] => [...errors(clock), ...waiting(clock)]
