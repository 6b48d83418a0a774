/** The database as the indexer sees it: how its statements fare, and what the server says of itself. */
import { ERROR_CLASSES } from '../db/sql-error.ts'
import { STATEMENT_KINDS } from '../db/statement-kind.ts'
import type { MetricSpec } from '../monitoring/metrics.ts'
import { AGGREGATE_COLUMNS } from './count-sources.ts'
import type { Facts } from './database-facts.ts'

export type DatabaseReadings = { readonly facts: () => Promise<Facts> }

const STATEMENT_SECONDS = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60]
const WAIT_SECONDS = [0.001, 0.01, 0.1, 0.5, 1, 5, 10]

export const database = (read: DatabaseReadings) => ({
  ...statements(),
  ...identityQueue(read),
  ...server(read),
  ...growth(read),
  ...aggregates(read),
})

const statements = () =>
  ({
    statementSeconds: {
      name: 'indexer_statement_seconds',
      type: 'histogram',
      help: 'Time of one statement, from sending it to its answer, by what it is for; failed ones included',
      cause: 'a statement of that kind was answered',
      labels: { kind: STATEMENT_KINDS },
      buckets: STATEMENT_SECONDS,
    },
    poolWait: {
      name: 'db_pool_wait_seconds',
      type: 'histogram',
      help: 'Wait for a connection of the pool, the making of a new one included; failed waits included',
      cause: 'a batch, or the identity worker, needs a connection',
      buckets: WAIT_SECONDS,
    },
    dbErrors: {
      name: 'indexer_db_errors_total',
      type: 'counter',
      help: 'Errors of PostgreSQL or of the way to it, by class of SQLSTATE: one for each transaction, statement or connection that failed, repeated ones included',
      cause: 'PostgreSQL refuses, is overloaded, or goes away',
      labels: { class: ERROR_CLASSES },
    },
  }) as const satisfies Record<string, MetricSpec>

const gauge = <const N extends string>(
  name: N,
  help: string,
  cause: string,
  collect: () => Promise<number>,
) => ({ name, type: 'gauge', help, cause, collect }) as const

const identityQueue = ({ facts }: DatabaseReadings) => ({
  identityQueue: gauge(
    'indexer_identity_queue_entries',
    'Accounts due to be looked up on the network, all indexers, counted up to 100,000; those put off after a failure are not due',
    'accounts arrive faster than they can be looked up',
    async () => (await facts()).identityQueue,
  ),
  identityOldest: gauge(
    'indexer_identity_oldest_seconds',
    'For how long the account that waits longest has been due to be looked up; 0 when none is due',
    'time passing while accounts wait to be looked up',
    async () => (await facts()).identityOldestSeconds,
  ),
})

const READ = 'read from PostgreSQL at most every 15 s, on a connection of its own'

const server = ({ facts }: DatabaseReadings) => ({
  databaseUp: gauge(
    'database_up',
    '1 when PostgreSQL answers the questions below in time; otherwise 0, and they are NaN',
    READ,
    async () => (await facts()).up,
  ),
  databaseConnections: gauge(
    'database_connections',
    'Connections of clients to the server, all databases',
    READ,
    async () => (await facts()).connections,
  ),
  databaseConnectionsLimit: gauge(
    'database_connections_limit',
    'Connections that ordinary roles may have: max_connections less the reserved ones',
    READ,
    async () => (await facts()).connectionsLimit,
  ),
  databaseLongestTransaction: gauge(
    'database_longest_transaction_seconds',
    'Age of the oldest transaction open in our database; those of other roles are seen with pg_read_all_stats only',
    READ,
    async () => (await facts()).longestTransactionSeconds,
  ),
})

const growth = ({ facts }: DatabaseReadings) => ({
  databaseSequence: gauge(
    'database_sequence_used_ratio',
    'Share used of the fullest sequence of the AppView’s schema; its end is its own or that of the column it fills, whichever is first',
    READ,
    async () => (await facts()).sequenceUsedRatio,
  ),
  databaseSize: gauge(
    'database_size_bytes',
    'Size of our database on disk',
    READ,
    async () => (await facts()).sizeBytes,
  ),
  databaseDeadlocks: gauge(
    'database_deadlocks',
    'Deadlocks in our database since its statistics were reset; it only rises, between resets',
    READ,
    async () => (await facts()).deadlocks,
  ),
  databaseDifferences: gauge(
    'database_schema_differences',
    'Differences between the tables and what our statements count on; read at most every 5 minutes',
    READ,
    async () => (await facts()).schemaDifferences,
  ),
})

const aggregates = ({ facts }: DatabaseReadings) => ({
  aggregateDrift: {
    name: 'indexer_aggregate_drift',
    type: 'gauge',
    help: 'Counts in post_agg and profile_agg that the last complete `millrace recount` found wrong, by column, those it repaired included; NaN before the first',
    cause: 'a recount found figures that are not what the rows say; the next one tells anew',
    labels: { column: AGGREGATE_COLUMNS },
    collect: async () => {
      const { recount } = await facts()
      return AGGREGATE_COLUMNS.map((column) => ({ labels: { column }, value: recount?.found[column] ?? NaN }))
    },
  } as const,
  aggregateRecountTime: gauge(
    'indexer_aggregate_recount_time_seconds',
    'When the last complete `millrace recount` of this database ended; NaN before the first',
    'a recount went through to its end',
    async () => (await facts()).recount?.timeSeconds ?? NaN,
  ),
})
