/**
 * What rsky's Grafana dashboards ask of Prometheus, panel by panel: "rsky Rust Services - Complete Monitoring Dashboard", and of
 * "BlackSky Rust Services - Monitoring" what the first has not. And the scrape configuration they were made for.
 */
import type { Config } from '../../tools/walkthrough/watchers.ts'

const CONTENT = ['post', 'like', 'repost', 'follow', 'block', 'profile']
const VERBS = ['create', 'update', 'delete']
const BACKFILLER = '{job="rust-backfiller"}'

export const RSKY_PANELS: Readonly<Record<string, readonly string[]>> = {
  'Ingester Status': ['up{job="rust-ingester"}'],
  Backpressure: ['sum(ingester_backpressure_active)'],
  'Firehose Rate (1m)': ['sum(rate(ingester_firehose_events_total[1m]))'],
  'Firehose Live Queue': ['sum(ingester_firehose_live_length)'],
  'Events In Memory': ['sum(ingester_events_in_memory)'],
  'Ingester Errors': ['sum(ingester_errors_total)'],
  'Filtered Operations': ['sum(ingester_firehose_filtered_operations_total)'],
  'WebSocket Connections': ['sum(ingester_websocket_connections)'],
  'Backfill Repos Fetched / Written': [
    'sum(ingester_backfill_repos_fetched_total)',
    'sum(ingester_backfill_repos_written_total)',
  ],
  'Backfill Complete': ['sum(ingester_backfill_complete)'],
  'Total Events Written': ['sum(ingester_stream_events_total)'],
  'Ingester Event Throughput': [
    'rate(ingester_firehose_events_total[1m])',
    ...VERBS.map((verb) => `rate(ingester_firehose_${verb}_events_total[1m])`),
  ],
  'Redis Stream Lengths': [
    'ingester_firehose_live_length',
    'ingester_repo_backfill_length',
    'ingester_label_live_length',
    'ingester_firehose_backfill_length',
  ],
  'BackfillIngester Error Rates': [
    'rate(ingester_backfill_fetch_errors_total[5m])',
    'rate(ingester_backfill_cursor_skips_total[5m])',
  ],
  'Backfillers Online': ['count(up{job="rust-backfiller"} == 1)'],
  'Total Repos Backfilled': ['sum(backfiller_repos_processed_total)'],
  'Backfill Rate (1m)': ['sum(rate(backfiller_repos_processed_total[1m]))'],
  'Failed Repos': ['sum(backfiller_repos_failed_total)'],
  'Backfill Queue Length': ['sum(backfiller_output_stream_length)'],
  'Repos Waiting (Input Queue)': ['sum(backfiller_repos_waiting)'],
  'Repos Running': ['sum(backfiller_repos_running)'],
  'Records Filtered': ['sum(backfiller_records_filtered_total)'],
  'Retry Attempts': ['sum(backfiller_retries_attempted_total)'],
  'Dead Letter Queue': ['sum(backfiller_repos_dead_lettered_total)'],
  'Total Records Extracted': ['sum(backfiller_records_extracted_total)'],
  'Backfill Throughput': [
    `rate(backfiller_repos_processed_total${BACKFILLER}[1m])`,
    `sum(rate(backfiller_repos_processed_total${BACKFILLER}[1m]))`,
  ],
  'Records Extraction Rate': [
    `rate(backfiller_records_extracted_total${BACKFILLER}[1m])`,
    `sum(rate(backfiller_records_extracted_total${BACKFILLER}[1m]))`,
  ],
  'Backfiller Error Rates': ['car_fetch', 'car_parse', 'verification'].map(
    (kind) => `rate(backfiller_${kind}_errors_total[5m])`,
  ),
  'Collection-Specific Indexing Rates': CONTENT.map((kind) => `sum(rate(indexer_${kind}_events_total[1m]))`),
  'Indexer Error Rates': ['expected', 'unexpected'].map((kind) => `rate(indexer_${kind}_errors_total[5m])`),
  'Indexers Online': ['count(up{job="rust-indexer"} == 1)'],
  'Total Events Processed': ['sum(indexer_events_processed_total)'],
  'Indexing Rate (1m)': ['sum(rate(indexer_events_processed_total[1m]))'],
  'Total DB Writes': ['sum(indexer_db_writes_total)'],
  'Total Posts Indexed': ['sum(indexer_post_events_total)'],
  'Unexpected Errors': ['sum(indexer_unexpected_errors_total)'],
  'Indexer Event Processing Rate': VERBS.map((verb) => `sum(rate(indexer_${verb}_events_total[1m]))`),
  'Database Write Rate': [
    'sum(rate(indexer_db_writes_total[1m])) by (instance)',
    'sum(rate(indexer_db_writes_total[1m]))',
  ],
  'Labels Processed / Added / Removed': ['processed', 'added', 'removed'].map(
    (kind) => `sum(indexer_labels_${kind}_total)`,
  ),
  'Label Processing Rate (1m)': ['processed', 'added', 'removed'].map(
    (kind) => `sum(rate(indexer_labels_${kind}_total[1m]))`,
  ),
  'Output stream by instance': [`backfiller_output_stream_length${BACKFILLER}`],
  'Failures by instance': [`rate(backfiller_repos_failed_total${BACKFILLER}[5m])`],
  'CPU by instance': [`rate(process_cpu_seconds_total${BACKFILLER}[5m])*100`],
  'Memory by instance': [`process_resident_memory_bytes${BACKFILLER}`],
  Uptime: [`time()-process_start_time_seconds${BACKFILLER}`],
}

const job = (name: string, targets: string[], service: string) => ({
  job_name: name,
  static_configs: [{ targets, labels: { service, ...(name.startsWith('rust-') && { type: 'rust' }) } }],
})

/** As it was: no `honor_labels`, no rules, no Alertmanager, no exporters. */
export const RSKY_CONFIG: Config = {
  global: {
    scrape_interval: '15s',
    evaluation_interval: '15s',
    external_labels: { cluster: 'blacksky', environment: 'production' },
  },
  rule_files: [],
  scrape_configs: [
    job('rust-ingester', ['ingester:4100'], 'ingester'),
    job('rust-backfiller', ['backfiller1:9090', 'backfiller2:9090'], 'backfiller'),
    job(
      'rust-indexer',
      Array.from({ length: 6 }, (_, i) => `indexer${i + 1}:9090`),
      'indexer',
    ),
    job('prometheus', ['localhost:9090'], 'prometheus'),
  ],
}
