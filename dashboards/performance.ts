/** The seed's "Performance Dashboard": its three rows in its order, every item of each. */
import type { Page } from './model.ts'
import { added, mean, most, own, quantiles, rate, spread, total } from './promql.ts'

export const performance: Page = {
  name: 'performance',
  title: 'Performance',
  says: 'How long things take, what they cost, and what holds them back. The seed document’s page, row for row.',
  jobsWith: 'build_info',
  rows: [
    {
      title: 'Latency Metrics',
      panels: [
        {
          title: 'Processing time per repo (backfiller)',
          says: 'From getting a place to the repo being durable in the output stream, per processed repo.',
          unit: 's',
          of: { ...quantiles('backfiller_repo_seconds'), mean: mean('backfiller_repo_seconds') },
        },
        {
          title: 'Spread of processing times per repo',
          says: 'How many repos took how long: two bands are two kinds of host.',
          unit: 's',
          kind: 'heatmap',
          of: { repos: spread('backfiller_repo_seconds') },
        },
        {
          title: 'Where a repo’s time goes',
          says: 'Mean seconds per repo in each phase: resolve the DID, wait for the host, fetch, verify, write.',
          unit: 's',
          stack: true,
          of: { '{{phase}}': mean('backfiller_phase_seconds', 'phase') },
        },
        {
          title: 'Batch processing time (indexer)',
          says: 'From decoded to committed, per batch.',
          unit: 's',
          of: { ...quantiles('indexer_batch_seconds'), mean: mean('indexer_batch_seconds') },
          runbooks: ['DatabaseSlow'],
        },
        {
          title: 'Spread of batch times',
          says: 'How many batches took how long.',
          unit: 's',
          kind: 'heatmap',
          of: { batches: spread('indexer_batch_seconds') },
        },
        {
          title: 'Mean time per kind of statement',
          says: 'What PostgreSQL is asked, and how long each kind takes.',
          unit: 's',
          of: { '{{kind}}': mean('indexer_statement_seconds', 'kind') },
          runbooks: ['DatabaseSlow'],
        },
        {
          title: 'Append time (ingester)',
          says: 'One durable append, entries and cursor together.',
          unit: 's',
          width: 12,
          of: quantiles('ingester_append_duration_seconds'),
        },
        {
          title: 'End to end: event time to committed row',
          says: 'What a user waits for. Backfilled records are as old as they are; look at the live stream.',
          unit: 's',
          width: 12,
          of: quantiles('indexer_freshness_seconds', 'stream="firehose_live"'),
        },
      ],
    },
    {
      title: 'Resource Usage',
      panels: [
        {
          title: 'Memory per service',
          says: 'Resident memory of each process. Services in one process (`up`, `demo`) show the same figure.',
          unit: 'bytes',
          of: { '{{job}} {{instance}}': own('process_resident_memory_bytes') },
        },
        {
          title: 'CPU usage',
          says: 'Cores used by each process.',
          unit: 'percentunit',
          of: { '{{job}} {{instance}}': `rate(${own('process_cpu_seconds_total')}[$__rate_interval])` },
        },
        {
          title: 'CPU per event',
          says: 'CPU seconds all processes spend for one event indexed: the figure to compare releases by.',
          unit: 's',
          of: {
            'per event': `${rate('process_cpu_seconds_total')} / ${rate('indexer_events_processed_total')}`,
          },
        },
        {
          title: 'Database connection pool',
          says: 'Connections of all indexers: open, unused, allowed; and requests that wait for one.',
          unit: 'short',
          of: {
            open: total('db_pool_size'),
            unused: total('db_pool_available'),
            allowed: total('db_pool_max_size'),
            'requests waiting': total('db_pool_waiting'),
          },
          runbooks: ['PoolStarved', 'PoolsExceedDatabase'],
        },
        {
          title: 'Wait for a connection',
          says: 'Time from asking the pool to having a connection.',
          unit: 's',
          of: quantiles('db_pool_wait_seconds'),
        },
        {
          title: 'Event loop lag by service',
          says: 'p99 of how late timers run.',
          unit: 's',
          of: { '{{job}} {{instance}}': own('nodejs_eventloop_lag_p99_seconds') },
          runbooks: ['EventLoopStalled'],
        },
      ],
    },
    {
      title: 'Backpressure Indicators',
      panels: [
        {
          title: 'Stream length of its high-water mark',
          says: 'At 100 % the ingester (or backfiller) stops and waits. A mark Redis cannot hold would never stop anything: HighWaterMarkUnreachable.',
          unit: 'percentunit',
          steps: ['green', [0.8, 'orange'], [1, 'red']],
          of: {
            firehose_live: `${most('ingester_firehose_live_length')} / ${most('ingester_high_water_mark_entries', '', 'stream="firehose_live"')}`,
            repo_backfill: `${most('ingester_repo_backfill_length')} / ${most('ingester_high_water_mark_entries', '', 'stream="repo_backfill"')}`,
            label_live: `${most('ingester_label_live_length')} / ${most('ingester_high_water_mark_entries', '', 'stream="label_live"')}`,
            firehose_backfill: `${most('backfiller_output_stream_length')} / ${most('backfiller_high_water_mark_entries')}`,
          },
          runbooks: ['HighWaterMarkUnreachable'],
        },
        {
          title: 'Backpressure activations',
          says: 'How often a part began to wait. Many short ones are flapping around the mark.',
          unit: 'short',
          kind: 'bars',
          of: {
            'ingester {{stream}}': added('ingester_backpressure_activations_total', 'stream'),
            backfiller: added('backfiller_backpressure_events_total'),
          },
          runbooks: ['BackpressureFlapping'],
        },
        {
          title: 'Share of time spent waiting',
          says: 'Seconds per second that a part stood still because of back-pressure.',
          unit: 'percentunit',
          of: {
            'ingester {{stream}}': rate('ingester_backpressure_seconds_total', 'stream'),
            backfiller: rate('backfiller_backpressure_seconds_total'),
          },
          runbooks: ['BackpressureTooLong'],
        },
        {
          title: 'Backpressure now',
          says: 'Who waits at this moment.',
          unit: 'none',
          kind: 'stat',
          width: 24,
          height: 3,
          words: { 0: ['flowing', 'green'], 1: ['waiting', 'orange'] },
          of: {
            ingester: most('ingester_backpressure_active'),
            backfiller: most('backfiller_backpressure_active'),
          },
          runbooks: ['IngesterBackpressure'],
        },
      ],
    },
  ],
}
