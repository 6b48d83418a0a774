/** The tables of the seed's document, row by row, as they stand there. */
export type Row = readonly [metric: string, type: 'Counter' | 'Gauge', description: string]

export const BACKFILLER_TABLE: readonly Row[] = [
  ['backfiller_repos_processed_total', 'Counter', 'Total repos successfully processed'],
  ['backfiller_repos_failed_total', 'Counter', 'Total repos that failed processing'],
  ['backfiller_repos_dead_lettered_total', 'Counter', 'Repos sent to dead letter queue'],
  ['backfiller_records_extracted_total', 'Counter', 'Total records extracted from repos'],
  ['backfiller_retries_attempted_total', 'Counter', 'Total retry attempts'],
  ['backfiller_repos_waiting', 'Gauge', 'Repos waiting in input stream'],
  ['backfiller_repos_running', 'Gauge', 'Repos actively being processed'],
  ['backfiller_output_stream_length', 'Gauge', 'Length of output stream (backpressure indicator)'],
  ['backfiller_car_fetch_errors_total', 'Counter', 'CAR fetch errors'],
  ['backfiller_car_parse_errors_total', 'Counter', 'CAR parse errors'],
  ['backfiller_verification_errors_total', 'Counter', 'Repo verification errors'],
]

export const INGESTER_TABLE: readonly Row[] = [
  ['ingester_firehose_events_total', 'Counter', 'Events from firehose'],
  ['ingester_labeler_events_total', 'Counter', 'Events from labeler'],
  ['ingester_stream_events_total', 'Counter', 'Events written to Redis'],
  ['ingester_errors_total', 'Counter', 'Total errors'],
  ['ingester_firehose_live_length', 'Gauge', 'firehose_live stream length'],
  ['ingester_label_live_length', 'Gauge', 'label_live stream length'],
  ['ingester_backpressure_active', 'Gauge', 'Backpressure status (1=active, 0=inactive)'],
  ['ingester_websocket_connections', 'Gauge', 'Active WebSocket connections'],
]

export const INDEXER_TABLE: readonly Row[] = [
  ['indexer_events_processed_total', 'Counter', 'Total events processed'],
  ['indexer_create_events_total', 'Counter', 'Create events'],
  ['indexer_update_events_total', 'Counter', 'Update events'],
  ['indexer_delete_events_total', 'Counter', 'Delete events'],
  ['indexer_db_writes_total', 'Counter', 'PostgreSQL writes'],
  ['indexer_errors_total', 'Counter', 'Total errors'],
  ['indexer_post_events_total', 'Counter', 'Posts indexed'],
  ['indexer_like_events_total', 'Counter', 'Likes indexed'],
  ['indexer_repost_events_total', 'Counter', 'Reposts indexed'],
  ['indexer_follow_events_total', 'Counter', 'Follows indexed'],
  ['indexer_pending_messages', 'Gauge', 'Pending messages in consumer group'],
  ['indexer_active_tasks', 'Gauge', 'Active concurrent tasks'],
]

/** The heading, the expression. */
export const QUERIES: readonly (readonly [string, string])[] = [
  ['Backfill Throughput (works now)', 'rate(backfiller_repos_processed_total[5m])'],
  ['Records Extraction Rate (works now)', 'rate(backfiller_records_extracted_total[5m])'],
  ['Backfill Queue Length (works now)', 'sum(backfiller_output_stream_length)'],
  ['Backfiller Error Rate (works now)', 'rate(backfiller_repos_failed_total[5m])'],
  ['Ingester Throughput (after implementation)', 'rate(ingester_firehose_events_total[5m])'],
  ['Indexer Throughput (after implementation)', 'sum(rate(indexer_events_processed_total[5m]))'],
  ['Database Write Rate (after implementation)', 'sum(rate(indexer_db_writes_total[5m]))'],
]

/** Word for word: name, expression, `for`, severity, summary. */
export const ALERTS = [
  {
    name: 'BackfillerHighErrorRate',
    query: 'rate(backfiller_repos_failed_total[5m]) > 10',
    duration: 300,
    severity: 'warning',
    summary: 'Backfiller error rate is high',
  },
  {
    name: 'IndexerConsumerGroupLag',
    query: 'indexer_pending_messages > 100000',
    duration: 600,
    severity: 'warning',
    summary: 'Indexer falling behind',
  },
  {
    name: 'IngesterBackpressure',
    query: 'ingester_backpressure_active == 1',
    duration: 300,
    severity: 'info',
    summary: 'Ingester experiencing backpressure',
  },
] as const
