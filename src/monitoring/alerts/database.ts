/** PostgreSQL as the indexers see it: there, with connections left, without a transaction that never ends, with room in its sequences. */
import type { Alert, Clock } from './alert.ts'
import { recent } from './fragments.ts'

const connections = (clock: Clock): readonly Alert[] => [
  {
    name: 'DatabaseDown',
    expr: `${recent(clock, 'database_up')} == 0`,
    forSeconds: 60,
    severity: 'critical',
    service: 'database',
    summary: '{{ $labels.instance }} has no answer from PostgreSQL (database_up = {{ $value }})',
    description:
      'Nothing is indexed; entries wait in the streams and none is lost. Check first whether the server runs and accepts a connection from that host.',
    dashboard: 'overview',
  },
  {
    name: 'DatabaseConnectionsHigh',
    expr: `max(database_connections) / max(database_connections_limit) > 0.8`,
    forSeconds: 300,
    severity: 'warning',
    service: 'database',
    summary: '{{ $value | humanizePercentage }} of the connections of PostgreSQL are in use',
    description:
      'Soon nobody can connect, not even to look. Check first who holds them: pg_stat_activity by application_name.',
    dashboard: 'performance',
  },
  {
    name: 'PoolsExceedDatabase',
    expr: `sum(db_pool_max_size{job="rust-indexer"}) > on () max(database_connections_limit)`,
    forSeconds: 600,
    severity: 'warning',
    service: 'database',
    summary: 'The pools of all indexers may open {{ $value }} connections, more than PostgreSQL allows',
    description:
      'Under load the last indexers get no connection. Check first DB_POOL_SIZE times the number of indexers; with PgBouncer between them, silence this.',
    dashboard: 'performance',
  },
]

const contents = (clock: Clock): readonly Alert[] => [
  {
    name: 'LongTransaction',
    expr: `max(database_longest_transaction_seconds) > ${clock.value(600)}`,
    forSeconds: 300,
    severity: 'warning',
    service: 'database',
    summary: 'A transaction of PostgreSQL has been open for {{ $value | humanizeDuration }}',
    description:
      'Vacuum cannot clean behind it, and its locks stay. Check first pg_stat_activity ordered by xact_start.',
    dashboard: 'performance',
  },
  {
    name: 'SequenceNearEnd',
    expr: `max(database_sequence_used_ratio) > 0.7`,
    forSeconds: 300,
    severity: 'warning',
    service: 'database',
    summary: 'A sequence of PostgreSQL has used {{ $value | humanizePercentage }} of its numbers',
    description:
      'At its end every insert into that table fails. Check first which one, in pg_sequences; widening its column takes time.',
    dashboard: 'performance',
  },
  {
    name: 'SchemaDiffers',
    expr: `max(database_schema_differences) > 0`,
    forSeconds: 300,
    severity: 'critical',
    service: 'database',
    summary: '{{ $value }} differences between the schema of the database and what the indexer writes',
    description:
      'Statements fail, or rows miss what the AppView reads. Check first `millrace doctor`, which lists the differences; then `millrace migrate`.',
    dashboard: 'indexer',
  },
]

export const database = (clock: Clock): readonly Alert[] => [...connections(clock), ...contents(clock)]
