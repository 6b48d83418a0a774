/** The indexer in depth: from an entry of a stream to a committed row. */
import { failures, database, identities } from './indexer-database.ts'
import type { Page, Row } from './model.ts'
import { LIVE, processRow, storeRow, streamsRow } from './parts.ts'
import { added, most, quantile, quantiles, rate, since, spread, total } from './promql.ts'

const freshness: Row = {
  title: 'Freshness',
  panels: [
    {
      title: 'Live events, event time to commit',
      says: 'What a user waits for. The objective is 99 of 100 within 30 s.',
      unit: 's',
      of: quantiles('indexer_freshness_seconds', LIVE),
      runbooks: ['FreshnessBudgetBurnFast', 'FreshnessBudgetBurnSlow'],
    },
    {
      title: 'Spread of the freshness of all events',
      says: 'Backfilled records are as old as they are; live ones are the band at the bottom.',
      unit: 's',
      kind: 'heatmap',
      of: { events: spread('indexer_freshness_seconds') },
    },
    {
      title: 'Append to commit, p99',
      says: 'What the pipeline itself adds: from the entry being durable in the stream to the committed row.',
      unit: 's',
      of: { '{{stream}}': quantile(0.99, 'indexer_append_to_commit_seconds', 'stream') },
    },
    {
      title: 'Last commit by stream',
      says: 'Seconds since something of the stream was committed. A quiet stream is silent by right.',
      unit: 's',
      of: { '{{stream}}': since(most('indexer_last_commit_time_seconds', 'stream')) },
      runbooks: ['IndexerStuck'],
    },
    {
      title: 'Error budget',
      says: 'Share of live events that missed the objective, over a short and a long window. It drives the two burn alerts.',
      unit: 'percentunit',
      of: {
        '5 minutes': 'slo:freshness_error:ratio_rate5m',
        '1 hour': 'slo:freshness_error:ratio_rate1h',
        '6 hours': 'slo:freshness_error:ratio_rate6h',
        '3 days': 'slo:freshness_error:ratio_rate3d',
      },
      runbooks: ['FreshnessBudgetBurnFast', 'FreshnessBudgetBurnSlow'],
    },
    {
      title: 'Events from the future',
      says: 'Events whose time is after their commit: a clock is wrong, ours or theirs.',
      unit: 'short',
      kind: 'bars',
      of: { events: added('indexer_clock_skew_events_total') },
    },
  ],
}

const events: Row = {
  title: 'Events',
  panels: [
    {
      title: 'Events and rows',
      says: 'Events dealt with, record events among them, and rows written.',
      unit: 'eps',
      of: {
        events: rate('indexer_events_processed_total'),
        'record events': rate('indexer_records_processed_total'),
        'rows written': rate('indexer_db_writes_total'),
        'notifications written': rate('indexer_notifications_written_total'),
      },
      runbooks: ['IndexedRateLow', 'IndexerStuck'],
    },
    {
      title: 'Events by type',
      says: 'What is done, per second.',
      unit: 'eps',
      of: {
        create: rate('indexer_create_events_total'),
        update: rate('indexer_update_events_total'),
        delete: rate('indexer_delete_events_total'),
        repo: rate('indexer_repo_events_total'),
        account: rate('indexer_account_events_total'),
        identity: rate('indexer_identity_events_total'),
      },
    },
    {
      title: 'Creates by collection',
      says: 'What people do, per second.',
      unit: 'eps',
      of: {
        posts: rate('indexer_post_events_total'),
        likes: rate('indexer_like_events_total'),
        reposts: rate('indexer_repost_events_total'),
        follows: rate('indexer_follow_events_total'),
        blocks: rate('indexer_block_events_total'),
        profiles: rate('indexer_profile_events_total'),
      },
    },
    {
      title: 'Results',
      says: 'Applied changed something; stale, repeated and unchanged cost nothing but time; dropped have a reason.',
      unit: 'eps',
      of: { '{{result}}': rate('indexer_event_results_total', 'result') },
    },
    {
      title: 'Results by event type',
      says: 'How each type of event ends.',
      unit: 'eps',
      of: { '{{type}}': rate('indexer_event_results_total', 'type') },
    },
    {
      title: 'Writes not needed',
      says: 'Overtaken by a newer version, repeated, or the same as what is stored.',
      unit: 'eps',
      of: {
        stale: rate('indexer_stale_writes_skipped_total'),
        repeated: rate('indexer_repeated_events_total'),
        unchanged: rate('indexer_unchanged_writes_skipped_total'),
      },
    },
    {
      title: 'Rows by table',
      says: 'Rows that statements were given, by table; stale and unchanged ones are in the panel beside.',
      unit: 'rowsps',
      of: { '{{table}}': rate('indexer_rows_total', 'table', 'outcome="written"') },
    },
    {
      title: 'Rows by outcome',
      says: 'Written, overtaken by a newer one, or the same as before.',
      unit: 'rowsps',
      of: { '{{outcome}}': rate('indexer_rows_total', 'outcome') },
    },
    {
      title: 'Labels',
      says: 'Labels dealt with: asserting a value and taking one back.',
      unit: 'eps',
      of: {
        all: rate('indexer_labels_processed_total'),
        added: rate('indexer_labels_added_total'),
        removed: rate('indexer_labels_removed_total'),
      },
    },
  ],
}

const batches: Row = {
  title: 'Batches',
  panels: [
    {
      title: 'Batch time',
      says: 'From decoded to committed.',
      unit: 's',
      of: quantiles('indexer_batch_seconds'),
    },
    {
      title: 'Spread of batch times',
      says: 'How many batches took how long.',
      unit: 's',
      kind: 'heatmap',
      of: { batches: spread('indexer_batch_seconds') },
    },
    {
      title: 'Entries per batch',
      says: 'Full batches mean there is a backlog.',
      unit: 'short',
      of: quantiles('indexer_batch_entries'),
    },
    {
      title: 'Batches being written',
      says: 'At this moment, all replicas together.',
      unit: 'short',
      of: { batches: total('indexer_active_tasks') },
    },
    {
      title: 'Entries stored and pending',
      says: 'In all streams the indexer reads: stored, and taken but not acknowledged.',
      unit: 'short',
      of: { stored: most('indexer_queue_length'), pending: most('indexer_pending_messages') },
      limits: ['IndexerConsumerGroupLag'],
    },
    {
      title: 'Unaccounted for',
      says: 'Received minus written, stale, dropped and in flight. Anything but 0 is a leak.',
      unit: 'short',
      of: { '{{stream}}': most('indexer_conservation_residual', 'stream') },
      limits: ['ConservationBroken'],
    },
  ],
}

export const indexer: Page = {
  name: 'indexer',
  title: 'Indexer',
  says: 'Does everything reach the database, how soon, and what stands in the way?',
  jobsWith: 'indexer_events_processed_total',
  job: 'rust-indexer',
  rows: [freshness, events, batches, failures, streamsRow, database, identities, storeRow, processRow],
}
