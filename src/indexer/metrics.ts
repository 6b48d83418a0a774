/** Every metric of the indexer, declared once (names: the seed's tables; spec, contract 2.3 and 2.5). */
import type { MetricHandles, MetricSpec } from '../monitoring/metrics.ts'
import {
  storeMetrics,
  streamMetrics,
  type StoreReadings,
  type StreamReadings,
} from '../monitoring/stream-metrics.ts'
import { POISON_REASONS } from '../event/codec.ts'
import { IDENTITY_OUTCOMES } from './identity-worker.ts'
import { LABEL_DROPS } from './labels.ts'
import { database, type DatabaseReadings } from './metrics-database.ts'
import { flow, type FlowReadings } from './metrics-flow.ts'
import { DROP_REASONS } from './drop-reasons.ts'

/** What is read at scrape time. */
export type Readings = FlowReadings &
  DatabaseReadings & {
    readonly pending: () => Promise<number>
    readonly queueLength: () => Promise<number>
    readonly activeTasks: () => number
    readonly streams: StreamReadings
    readonly store: StoreReadings
    readonly pool: () => { size: number; idle: number; waiting: number; max: number }
  }

const counter = <const N extends string>(name: N, help: string, cause: string) =>
  ({ name, type: 'counter', help, cause }) as const

const DROPPED = [...new Set([...DROP_REASONS, ...LABEL_DROPS, 'account_deleted'] as const)]
export type Dropped = (typeof DROPPED)[number]

const BATCH_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

const events = () =>
  ({
    events: counter(
      'indexer_events_processed_total',
      'Events of every type taken from the streams and dealt with (indexed, stale, unchanged or dropped)',
      'a batch was committed and is about to be acknowledged',
    ),
    creates: counter(
      'indexer_create_events_total',
      'Create events dealt with',
      'a create event in a committed batch',
    ),
    updates: counter(
      'indexer_update_events_total',
      'Update events dealt with',
      'an update event in a committed batch',
    ),
    deletes: counter(
      'indexer_delete_events_total',
      'Delete events dealt with',
      'a delete event in a committed batch',
    ),
    repos: counter(
      'indexer_repo_events_total',
      'Repo events dealt with',
      'a repo event in a committed batch',
    ),
    accounts: counter(
      'indexer_account_events_total',
      'Account events dealt with',
      'an account event in a committed batch',
    ),
    identities: counter(
      'indexer_identity_events_total',
      'Identity events dealt with',
      'an identity event in a committed batch',
    ),
    dbWrites: counter(
      'indexer_db_writes_total',
      'Rows written to PostgreSQL: inserted, updated or deleted in the tables of the AppView',
      'a batch with new records or labels was committed',
    ),
  }) as const

const errors = () =>
  ({
    errors: counter(
      'indexer_errors_total',
      'Failures of every kind: expected and unexpected ones, and acknowledgements that failed',
      'any of indexer_expected_errors_total, indexer_unexpected_errors_total, indexer_ack_failures_total moved',
    ),
    expectedErrors: counter(
      'indexer_expected_errors_total',
      'Entries or events that cannot be indexed through no fault of ours: unreadable entries, invalid records',
      'an entry was dead-lettered as unreadable, or an event dropped for a reason other than its collection',
    ),
    unexpectedErrors: counter(
      'indexer_unexpected_errors_total',
      'Batches that PostgreSQL or the stream store refused and that will be tried again, and entries that it refused for good',
      'PostgreSQL went away, a statement failed, or a single entry was found to be refused',
    ),
    ackFailures: counter(
      'indexer_ack_failures_total',
      'Acknowledgements that failed after a commit; the entries come again and change nothing',
      'the stream store was away between commit and acknowledgement',
    ),
  }) as const

const collections = () =>
  ({
    posts: counter('indexer_post_events_total', 'Create events of posts', 'a post was created'),
    likes: counter('indexer_like_events_total', 'Create events of likes', 'a like was created'),
    reposts: counter('indexer_repost_events_total', 'Create events of reposts', 'a repost was created'),
    follows: counter('indexer_follow_events_total', 'Create events of follows', 'a follow was created'),
    blocks: counter('indexer_block_events_total', 'Create events of blocks', 'a block was created'),
    profiles: counter('indexer_profile_events_total', 'Create events of profiles', 'a profile was created'),
    labels: counter('indexer_labels_processed_total', 'Labels dealt with', 'a label in a committed batch'),
    labelsAdded: counter(
      'indexer_labels_added_total',
      'Labels that assert their value',
      'a label without neg',
    ),
    labelsRemoved: counter(
      'indexer_labels_removed_total',
      'Labels that negate their value',
      'a label with neg',
    ),
  }) as const

const outcomes = () =>
  ({
    recordsProcessed: counter(
      'indexer_records_processed_total',
      'Record events (create, update, delete) dealt with, repetitions included',
      'a record event in a committed batch',
    ),
    recordsFailed: counter(
      'indexer_records_failed_total',
      'Records dropped as invalid or refused by PostgreSQL, labels included',
      'an invalid record or label',
    ),
    stale: counter(
      'indexer_stale_writes_skipped_total',
      'Record events that a newer rev had already overtaken, in the database or in their own batch',
      'an old event arrives after a newer one for the same record',
    ),
    filtered: counter(
      'indexer_records_filtered_total',
      'Record events of collections that the indexer does not keep',
      'a record of an unknown collection',
    ),
    unchanged: counter(
      'indexer_unchanged_writes_skipped_total',
      'Backfilled puts that repeat exactly the stored version',
      'a backfill covers records that came live',
    ),
    repeated: counter(
      'indexer_repeated_events_total',
      'Record events applied before at the same rev: repetitions after a crash, a reconnect or from a second relay',
      'an entry is delivered twice',
    ),
    dropped: {
      name: 'indexer_dropped_total',
      type: 'counter',
      help: 'Events and labels dropped, by reason',
      cause: 'an event cannot be indexed',
      labels: { reason: DROPPED },
    },
    poisoned: {
      name: 'indexer_poison_entries_total',
      type: 'counter',
      help: 'Stream entries put aside as dead letters, by reason',
      cause: 'an entry cannot be read, or PostgreSQL refuses it by itself',
      labels: { reason: [...POISON_REASONS, 'refused'] },
    },
    notifications: counter(
      'indexer_notifications_written_total',
      'Notifications written',
      'a like, a follow, a reply, a mention …',
    ),
    conflicts: counter(
      'indexer_db_conflicts_total',
      'Transactions repeated after a deadlock or a serialization failure',
      'two writers met in the same rows',
    ),
  }) as const

const work = () =>
  ({
    batchSeconds: {
      name: 'indexer_batch_seconds',
      type: 'histogram',
      help: 'Time to write one batch, from decoded to committed',
      cause: 'a batch was committed',
      buckets: BATCH_SECONDS,
    },
    batchEntries: {
      name: 'indexer_batch_entries',
      type: 'histogram',
      help: 'Entries per batch',
      cause: 'a batch was committed',
      buckets: [1, 10, 50, 100, 250, 500, 1_000, 2_500],
    },
    identityLookups: {
      name: 'indexer_identity_lookups_total',
      type: 'counter',
      help: 'Identities looked up on the network, by outcome',
      cause: 'an account is new, changed its identity, or is said to be inactive',
      labels: { outcome: IDENTITY_OUTCOMES },
    },
  }) as const

const readings = (read: Readings) =>
  ({
    pending: {
      name: 'indexer_pending_messages',
      type: 'gauge',
      help: 'Entries delivered to the consumer group and not acknowledged, all streams',
      cause: 'entries are read and not yet committed',
      collect: read.pending,
    },
    queueLength: {
      name: 'indexer_queue_length',
      type: 'gauge',
      help: 'Entries stored in the streams that the indexer reads',
      cause: 'ingester or backfiller append',
      collect: read.queueLength,
    },
    activeTasks: {
      name: 'indexer_active_tasks',
      type: 'gauge',
      help: 'Batches being written at this moment',
      cause: 'a batch is under way',
      collect: read.activeTasks,
    },
    poolMax: pool('db_pool_max_size', 'Connections the pool may open', () => read.pool().max),
    poolSize: pool('db_pool_size', 'Connections the pool has open', () => read.pool().size),
    poolAvailable: pool('db_pool_available', 'Open connections that nobody uses', () => read.pool().idle),
    poolWaiting: pool('db_pool_waiting', 'Requests that wait for a connection', () => read.pool().waiting),
  }) as const

/** `streams`: those that are read, the closed set of the label `stream`. */
export const indexerMetrics = (read: Readings, streams: readonly string[]) => ({
  ...events(),
  ...errors(),
  ...collections(),
  ...outcomes(),
  ...work(),
  ...readings(read),
  ...flow(read, streams),
  ...database(read),
  ...streamMetrics(streams, read.streams),
  ...storeMetrics(read.store),
})

function pool<const N extends string>(name: N, help: string, collect: () => number) {
  return { name, type: 'gauge', help, cause: 'the indexer talks to PostgreSQL', collect } as const
}

export type IndexerMetrics = MetricHandles<ReturnType<typeof indexerMetrics>>

const unasked = async () => 0

/** The declarations alone, for docs and checks. */
export const indexerDeclarations = (streams: readonly string[]): readonly MetricSpec[] =>
  Object.values(
    indexerMetrics(
      {
        pending: unasked,
        queueLength: unasked,
        activeTasks: () => 0,
        pool: () => ({ size: 0, idle: 0, waiting: 0, max: 0 }),
        residual: () => [],
        streams: async () => [],
        store: () => Promise.reject(new Error('declarations are not read')),
        facts: () => Promise.reject(new Error('declarations are not read')),
      },
      streams,
    ),
  )

/** Streams come from the settings. */
export const INDEXER_METRICS = indexerDeclarations(['none'])
