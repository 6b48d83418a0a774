/**
 * The metric names that dashboards, alerts and scripts in the field already rely on, as data: those of the seed's three
 * tables, those the rsky services add, and those rsky-wintermute adds. Typed in by hand from these documents, so that a
 * renamed or forgotten declaration cannot agree with itself.
 */
import type { MetricSpec } from './metrics.ts'
import type { ServiceName } from './status.ts'

type Type = MetricSpec['type']
type Origin = 'seed' | 'rsky' | 'wintermute'
export type ContractMetric = { readonly name: string; readonly type: Type; readonly origin: Origin }

const named = (origin: Origin, type: Type, names: string): readonly ContractMetric[] =>
  names
    .trim()
    .split(/\s+/)
    .map((name) => ({ name, type, origin }))

const INGESTER: readonly ContractMetric[] = [
  ...named(
    'seed',
    'counter',
    `ingester_firehose_events_total ingester_labeler_events_total ingester_stream_events_total ingester_errors_total`,
  ),
  ...named(
    'seed',
    'gauge',
    `ingester_firehose_live_length ingester_label_live_length ingester_backpressure_active ingester_websocket_connections`,
  ),
  ...named(
    'rsky',
    'counter',
    `ingester_firehose_create_events_total ingester_firehose_update_events_total ingester_firehose_delete_events_total
     ingester_firehose_filtered_operations_total ingester_labels_written_total ingester_backfill_repos_fetched_total
     ingester_backfill_repos_written_total ingester_backfill_fetch_errors_total ingester_backfill_cursor_skips_total`,
  ),
  ...named(
    'rsky',
    'gauge',
    `ingester_firehose_backfill_length ingester_repo_backfill_length ingester_events_in_memory ingester_backfill_complete`,
  ),
  ...named(
    'wintermute',
    'counter',
    `ingester_ops_filtered_total ingester_backfill_cursor_reset_total storage_recovery_total`,
  ),
  ...named('wintermute', 'gauge', 'ingester_last_event_time_seconds'),
]

const BACKFILLER: readonly ContractMetric[] = [
  ...named(
    'seed',
    'counter',
    `backfiller_repos_processed_total backfiller_repos_failed_total backfiller_repos_dead_lettered_total
     backfiller_records_extracted_total backfiller_retries_attempted_total backfiller_car_fetch_errors_total
     backfiller_car_parse_errors_total backfiller_verification_errors_total`,
  ),
  ...named(
    'seed',
    'gauge',
    `backfiller_repos_waiting backfiller_repos_running backfiller_output_stream_length`,
  ),
  ...named('rsky', 'counter', 'backfiller_records_filtered_total'),
  ...named('wintermute', 'counter', 'backfiller_backpressure_events_total'),
]

const INDEXER: readonly ContractMetric[] = [
  ...named(
    'seed',
    'counter',
    `indexer_events_processed_total indexer_create_events_total indexer_update_events_total indexer_delete_events_total
     indexer_db_writes_total indexer_errors_total indexer_post_events_total indexer_like_events_total
     indexer_repost_events_total indexer_follow_events_total`,
  ),
  ...named('seed', 'gauge', 'indexer_pending_messages indexer_active_tasks'),
  ...named(
    'rsky',
    'counter',
    `indexer_repo_events_total indexer_account_events_total indexer_identity_events_total indexer_expected_errors_total
     indexer_unexpected_errors_total indexer_block_events_total indexer_profile_events_total
     indexer_labels_processed_total indexer_labels_added_total indexer_labels_removed_total indexer_ack_failures_total`,
  ),
  ...named(
    'wintermute',
    'counter',
    `indexer_records_processed_total indexer_records_failed_total indexer_stale_writes_skipped_total
     indexer_records_filtered_total`,
  ),
  ...named(
    'wintermute',
    'gauge',
    `indexer_queue_length db_pool_max_size db_pool_size db_pool_available db_pool_waiting`,
  ),
]

export const CONTRACT: Readonly<Record<ServiceName, readonly ContractMetric[]>> = {
  ingester: INGESTER,
  backfiller: BACKFILLER,
  indexer: INDEXER,
}

/** Labels that rsky-wintermute put on names it took over. Any other label would split a series that dashboards read as one. */
const LABELS: Readonly<Record<string, string>> = {
  ingester_firehose_events_total: 'stream',
  ingester_errors_total: 'type',
  ingester_websocket_connections: 'type',
}

/**
 * What breaks the contract in a service's declarations, one sentence each: a name that is missing, a type that differs, or a
 * label that no dashboard knows on a name of the seed or of rsky.
 */
export const checkContract = (service: ServiceName, specs: readonly MetricSpec[]): readonly string[] => {
  const byName = new Map(specs.map((spec) => [spec.name, spec]))
  return CONTRACT[service].flatMap(({ name, type, origin }) => {
    const spec = byName.get(name)
    if (spec === undefined) return [`${service} does not declare ${name} (${type}, from ${origin})`]
    if (spec.type !== type) return [`${name} is declared as a ${spec.type}; the contract says ${type}`]
    const labels = Object.keys(spec.labels ?? {}).filter((label) => label !== LABELS[name])
    if (origin === 'wintermute' || labels.length === 0) return []
    return [
      `${name} carries the label ${labels.join(', ')}; the seed's queries expect one series per process`,
    ]
  })
}
