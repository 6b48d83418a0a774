/** The indexer's page, second half: what fails, the database, and the identities it looks up. */
import type { Row } from './model.ts'
import { UP_DOWN } from './parts.ts'
import { added, least, mean, most, quantiles, rate, since, total } from './promql.ts'

export const failures: Row = {
  title: 'Failures',
  panels: [
    {
      title: 'Errors',
      says: 'Expected: somebody’s record or entry is invalid. Unexpected: ours or the database’s. Failed acknowledgements change nothing.',
      unit: 'short',
      kind: 'bars',
      of: {
        all: added('indexer_errors_total'),
        expected: added('indexer_expected_errors_total'),
        unexpected: added('indexer_unexpected_errors_total'),
        'failed acknowledgements': added('indexer_ack_failures_total'),
      },
      runbooks: ['IndexerErrorRatio'],
    },
    {
      title: 'Dropped, by reason',
      says: 'Events and labels that cannot be indexed.',
      unit: 'short',
      kind: 'bars',
      of: {
        '{{reason}}': added('indexer_dropped_total', 'reason'),
        'records failed': added('indexer_records_failed_total'),
        'of unknown collections': added('indexer_records_filtered_total'),
      },
    },
    {
      title: 'Entries put aside, by reason',
      says: 'Entries that cannot be read, or that PostgreSQL refuses by themselves.',
      unit: 'short',
      kind: 'bars',
      of: { '{{reason}}': added('indexer_poison_entries_total', 'reason') },
      runbooks: ['DeadLettersGrowing'],
    },
  ],
}

export const database: Row = {
  title: 'Database',
  panels: [
    {
      title: 'PostgreSQL',
      says: 'Whether it answers.',
      unit: 'none',
      kind: 'stat',
      words: UP_DOWN,
      of: { 'worst of all replicas': least('database_up') },
      runbooks: ['DatabaseDown'],
    },
    {
      title: 'Schema differences',
      says: 'Tables, columns and indexes that are not as the AppView expects.',
      unit: 'none',
      kind: 'stat',
      of: { differences: most('database_schema_differences') },
      limits: ['SchemaDiffers'],
    },
    {
      title: 'Fullest sequence',
      says: 'How much of its numbers the fullest sequence has used. At 100 % inserts fail.',
      unit: 'percentunit',
      kind: 'gauge',
      max: 1,
      of: { used: most('database_sequence_used_ratio') },
      limits: ['SequenceNearEnd'],
    },
    {
      title: 'Connections in use',
      says: 'Connections of everybody, of those the server allows.',
      unit: 'percentunit',
      kind: 'gauge',
      max: 1,
      of: { used: `${most('database_connections')} / ${most('database_connections_limit')}` },
      limits: ['DatabaseConnectionsHigh'],
    },
    {
      title: 'Longest transaction',
      says: 'Of anybody. A long one keeps dead rows and can hold locks.',
      unit: 's',
      kind: 'stat',
      of: { oldest: most('database_longest_transaction_seconds') },
      limits: ['LongTransaction'],
    },
    {
      title: 'Size',
      says: 'Bytes of the database.',
      unit: 'bytes',
      kind: 'stat',
      of: { size: most('database_size_bytes') },
    },
    {
      title: 'Connections',
      says: 'Open now, those the server allows, and those the pools of all indexers may open.',
      unit: 'short',
      of: {
        open: most('database_connections'),
        'allowed by the server': most('database_connections_limit'),
        'pools may open': total('db_pool_max_size'),
      },
      runbooks: ['PoolsExceedDatabase', 'DatabaseConnectionsHigh'],
    },
    {
      title: 'Pool',
      says: 'Connections open and unused, and requests that wait for one.',
      unit: 'short',
      of: {
        open: total('db_pool_size'),
        unused: total('db_pool_available'),
        'requests waiting': total('db_pool_waiting'),
      },
      runbooks: ['PoolStarved'],
    },
    {
      title: 'Wait for a connection',
      says: 'From asking the pool to having a connection.',
      unit: 's',
      of: quantiles('db_pool_wait_seconds'),
      runbooks: ['PoolStarved'],
    },
    {
      title: 'Mean statement time by kind',
      says: 'How long PostgreSQL takes for each kind of statement.',
      unit: 's',
      of: { '{{kind}}': mean('indexer_statement_seconds', 'kind') },
      runbooks: ['DatabaseSlow'],
    },
    {
      title: 'Statement time, p99',
      says: 'Over all kinds, and the spread below it.',
      unit: 's',
      of: quantiles('indexer_statement_seconds'),
      limits: ['DatabaseSlow'],
    },
    {
      title: 'Database errors by class',
      says: 'What PostgreSQL refused, and transactions repeated after a deadlock or serialization failure.',
      unit: 'short',
      kind: 'bars',
      of: {
        '{{class}}': added('indexer_db_errors_total', 'class'),
        'repeated transactions': added('indexer_db_conflicts_total'),
      },
      runbooks: ['DatabaseErrors', 'DatabaseConflicts'],
    },
    {
      title: 'Deadlocks',
      says: 'Deadlocks PostgreSQL has broken in this database since its statistics began.',
      unit: 'short',
      of: { deadlocks: most('database_deadlocks') },
      runbooks: ['DatabaseConflicts'],
    },
    {
      title: 'Aggregates found wrong',
      says: 'Counts that the last recount found to differ from the rows they count, by column. None is expected.',
      unit: 'short',
      of: { '{{column}}': most('indexer_aggregate_drift', 'column') },
    },
    {
      title: 'Last recount',
      says: 'How long ago `millrace recount` last went through to its end.',
      unit: 's',
      kind: 'stat',
      of: { ago: since(most('indexer_aggregate_recount_time_seconds')) },
    },
  ],
}

export const identities: Row = {
  title: 'Identities',
  panels: [
    {
      title: 'Look-ups by outcome',
      says: 'Handles and documents asked for on the network.',
      unit: 'ops',
      of: { '{{outcome}}': rate('indexer_identity_lookups_total', 'outcome') },
    },
    {
      title: 'Queue of look-ups',
      says: 'Accounts whose identity is still to be looked up.',
      unit: 'short',
      of: { accounts: most('indexer_identity_queue_entries') },
    },
    {
      title: 'Oldest look-up waiting',
      says: 'How long the first of the queue has waited.',
      unit: 's',
      of: { oldest: most('indexer_identity_oldest_seconds') },
      runbooks: ['IdentityQueueStuck'],
    },
  ],
}
