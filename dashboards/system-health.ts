/** The seed's "System Health Dashboard": its four rows in its order, its queries word for word, and beside each what it leaves out. */
import type { Page } from './model.ts'
import { UP_DOWN } from './parts.ts'
import { most, rate } from './promql.ts'

const uptime = (service: string) =>
  ({
    title: `Uptime: ${service}`,
    says: `up{job="rust-${service}"}, each instance: 1 when Prometheus reaches its endpoint.`,
    unit: 'none',
    kind: 'stat',
    width: 8,
    words: UP_DOWN,
    of: { '{{instance}}': `up{job="rust-${service}"}` },
    runbooks: ['TargetDown', 'JobAbsent'],
  }) as const

export const systemHealth: Page = {
  name: 'systemHealth',
  title: 'System Health',
  says: 'Are the services up, does every stage move, what waits, what fails? The seed document’s page, row for row.',
  jobsWith: 'build_info',
  rows: [
    { title: 'Service Uptime', panels: ['ingester', 'backfiller', 'indexer'].map(uptime) },
    {
      title: 'Event Throughput',
      panels: [
        {
          title: 'Ingester: events received',
          says: 'Events from the relays before any filter, each instance as the seed has it; and all together.',
          unit: 'eps',
          of: {
            '{{instance}} {{stream}}': 'rate(ingester_firehose_events_total[5m])',
            'written to the streams': rate('ingester_stream_events_total'),
          },
          runbooks: ['FirehoseSilent'],
        },
        {
          title: 'Backfiller: repos processed',
          says: 'Repos whose records are all in the output stream, each instance.',
          unit: 'ops',
          of: { '{{instance}}': 'rate(backfiller_repos_processed_total[5m])' },
          runbooks: ['BackfillStalled'],
        },
        {
          title: 'Indexer: events indexed',
          says: 'Events dealt with by all indexers together.',
          unit: 'eps',
          of: { indexed: 'sum(rate(indexer_events_processed_total[5m]))' },
          runbooks: ['IndexerStuck', 'IndexedRateLow'],
        },
        {
          title: 'Backfiller: records extracted',
          says: 'Records written to the output stream, each instance.',
          unit: 'ops',
          width: 12,
          of: { '{{instance}}': 'rate(backfiller_records_extracted_total[5m])' },
        },
        {
          title: 'Database writes',
          says: 'Rows written to PostgreSQL by all indexers together.',
          unit: 'rowsps',
          width: 12,
          of: { rows: 'sum(rate(indexer_db_writes_total[5m]))' },
        },
      ],
    },
    {
      title: 'Queue Lengths',
      panels: [
        {
          title: 'repo_backfill',
          says: 'Repos stored in the backfiller’s input stream. The ingester reads it; replicas read the same, so the greatest is the truth.',
          unit: 'short',
          width: 6,
          of: {
            length: most('ingester_repo_backfill_length'),
            'waiting for the backfiller': most('backfiller_repos_waiting'),
          },
        },
        {
          title: 'firehose_backfill',
          says: 'The backfiller’s output. The seed’s sum counts the one stream once per backfiller: with two it is twice the truth. The greatest is the length.',
          unit: 'short',
          width: 6,
          of: {
            'sum, as in the seed': 'sum(backfiller_output_stream_length)',
            'length (max)': most('backfiller_output_stream_length'),
            'length, read by the ingester': most('ingester_firehose_backfill_length'),
          },
        },
        {
          title: 'firehose_live',
          says: 'Live events stored for the indexers.',
          unit: 'short',
          width: 6,
          of: {
            length: most('ingester_firehose_live_length'),
            label_live: most('ingester_label_live_length'),
          },
        },
        {
          title: 'Consumer group: pending and undelivered',
          says: 'Pending: taken and not acknowledged. Undelivered: the backlog nobody took yet; in the incident that made 40 million entries late, pending was 216.',
          unit: 'short',
          width: 6,
          of: {
            'pending, all streams': most('indexer_pending_messages'),
            'undelivered {{stream}}': most('stream_undelivered_entries', 'stream'),
          },
          runbooks: ['IndexerConsumerGroupLag', 'IndexerBehind'],
        },
      ],
    },
    {
      title: 'Error Rates',
      panels: [
        {
          title: 'Errors per service',
          says: 'Failures per second. An expected one (an invalid record of somebody) is not the service’s fault.',
          unit: 'ops',
          of: {
            'ingester {{type}}': rate('ingester_errors_total', 'type'),
            'indexer expected': rate('indexer_expected_errors_total'),
            'indexer unexpected': rate('indexer_unexpected_errors_total'),
            'indexer, all': rate('indexer_errors_total'),
          },
          runbooks: ['IngesterErrors', 'IndexerErrorRatio'],
        },
        {
          title: 'Failed repos',
          says: 'Attempts at a repo that failed, each instance. The seed’s alert asks for more than 10 a second; the share of attempts says more.',
          unit: 'ops',
          of: {
            '{{instance}}': 'rate(backfiller_repos_failed_total[5m])',
            'dead-lettered': rate('backfiller_repos_dead_lettered_total'),
          },
          limits: ['BackfillerHighErrorRate'],
          runbooks: ['BackfillerFailureRatio'],
        },
        {
          title: 'Database errors',
          says: 'Statements PostgreSQL refused, by class; and connection requests that had to wait.',
          unit: 'ops',
          of: {
            '{{class}}': rate('indexer_db_errors_total', 'class'),
            'repeated after a conflict': rate('indexer_db_conflicts_total'),
          },
          runbooks: ['DatabaseErrors', 'DatabaseConflicts'],
        },
        {
          title: 'Alerts firing, by service',
          says: 'Firing alerts without Watchdog and InfoInhibitor.',
          unit: 'none',
          width: 24,
          height: 5,
          of: {
            '{{service}}':
              'count by (service) (ALERTS{alertstate="firing", alertname!~"Watchdog|InfoInhibitor"}) or label_replace(vector(0), "service", "none", "", "")',
          },
        },
      ],
    },
  ],
}
