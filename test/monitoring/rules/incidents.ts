/**
 * Incidents of the field as their series would have been, and which alerts fire half an hour into each: all of them, the seed's
 * three among them. Numbers are those on record where there are any.
 */
import { flat, type Input, ramp, rise, type Samples } from './case.ts'

export type Incident = {
  readonly says: string
  readonly input: Input
  /** Every alert that fires after 55 minutes. */
  readonly fires: readonly string[]
}

const HOUR = 60
const OURS = ['rust-ingester', 'rust-backfiller', 'rust-indexer'] as const
type Job = (typeof OURS)[number]

const at = (job: Job, metric: string, labels = '') =>
  `${metric}{job="${job}", instance="${job}:1", service="${job.slice(5)}"${labels && `, ${labels}`}}`
const ingester = (metric: string, labels = '') => at('rust-ingester', metric, labels)
const indexer = (metric: string, labels = '') => at('rust-indexer', metric, labels)
const backfiller = (metric: string, labels = '') => at('rust-backfiller', metric, labels)
const LIVE = 'stream="firehose_live"'

/** A pipeline at work: 1,000 entries a second in, 1,000 out. */
const healthy: Input = {
  ...Object.fromEntries(OURS.map((job) => [at(job, 'up'), flat(1, HOUR)])),
  ...Object.fromEntries(OURS.map((job) => [at(job, 'process_start_time_seconds'), flat(1, HOUR)])),
  ...Object.fromEntries(OURS.map((job) => [at(job, 'store_up'), flat(1, HOUR)])),
  [ingester('ingester_firehose_events_total')]: rise(90_000, 0, HOUR, HOUR),
  [ingester('ingester_part_running', 'part="firehose"')]: flat(1, HOUR),
  [ingester('ingester_websocket_connections', 'type="firehose"')]: flat(1, HOUR),
  [ingester('ingester_seconds_since_last_frame')]: flat(0.1, HOUR),
  [ingester('ingester_cursor_age_seconds')]: flat(1, HOUR),
  [ingester('ingester_frame_bytes_total', 'part="firehose"')]: rise(60e6, 0, HOUR, HOUR),
  [ingester('ingester_backpressure_active')]: flat(0, HOUR),
  [ingester('ingester_backpressure_seconds_total', LIVE)]: flat(0, HOUR),
  [ingester('ingester_conservation_residual', 'part="firehose"')]: flat(0, HOUR),
  [ingester('ingester_entries_written_total', LIVE)]: rise(60_000, 0, HOUR, HOUR),
  [ingester('ingester_written_bytes_total', LIVE)]: rise(36e6, 0, HOUR, HOUR),
  [ingester('ingester_high_water_mark_entries', LIVE)]: flat(1e6, HOUR),
  [ingester('store_used_bytes')]: flat(1e9, HOUR),
  [ingester('store_capacity_bytes')]: flat(32e9, HOUR),
  [ingester('store_safe', 'check="group_ahead"')]: flat(1, HOUR),
  [backfiller('backfiller_repos_processed_total')]: rise(60, 0, HOUR, HOUR),
  [backfiller('backfiller_repos_failed_total')]: rise(3, 0, HOUR, HOUR),
  [backfiller('backfiller_repos_skipped_total', 'reason="no_pds"')]: rise(3, 0, HOUR, HOUR),
  [backfiller('backfiller_repos_waiting')]: flat(5_000, HOUR),
  [backfiller('stream_undelivered_known', 'stream="repo_backfill"')]: flat(1, HOUR),
  [indexer('indexer_events_processed_total')]: rise(60_000, 0, HOUR, HOUR),
  [indexer('indexer_pending_messages')]: flat(500, HOUR),
  [indexer('stream_undelivered_known', LIVE)]: flat(1, HOUR),
  [indexer('stream_undelivered_entries', LIVE)]: flat(200, HOUR),
  [indexer('stream_oldest_undelivered_age_seconds', LIVE)]: flat(0.3, HOUR),
  [indexer('stream_pending_entries', LIVE)]: flat(500, HOUR),
  [indexer('stream_oldest_pending_idle_seconds', LIVE)]: flat(0.5, HOUR),
  [indexer('stream_acknowledged_total', LIVE)]: rise(60_000, 0, HOUR, HOUR),
  [indexer('stream_entries_lost_total', LIVE)]: flat(0, HOUR),
  [indexer('db_pool_waiting')]: flat(0, HOUR),
  [indexer('db_pool_available')]: flat(5, HOUR),
}

const stopped: Input = {
  [indexer('indexer_events_processed_total')]: flat(7, HOUR),
  [indexer('stream_acknowledged_total', LIVE)]: flat(7, HOUR),
}
const growing = (from: number, perMinute: number, age: number): Input => ({
  [indexer('stream_undelivered_entries', LIVE)]: ramp(from, perMinute, HOUR),
  [indexer('stream_oldest_undelivered_age_seconds', LIVE)]: flat(age, HOUR),
})

/** The process starts anew every 30 s. */
const restarts: Samples = Array.from({ length: HOUR * 4 }, (_, i) => Math.floor(i / 2))

export const INCIDENTS: readonly Incident[] = [
  { says: 'nothing: a pipeline at work', input: healthy, fires: [] },
  {
    says: '99.8 % of events not indexed for days: 216 pending, 40 million behind, the pool starved by COUNT(*) (49)',
    input: {
      ...healthy,
      ...growing(40e6, 59_000, 260_000),
      [indexer('indexer_pending_messages')]: flat(216, HOUR),
      [indexer('stream_acknowledged_total', LIVE)]: rise(120, 0, HOUR, HOUR),
      [indexer('indexer_events_processed_total')]: rise(120, 0, HOUR, HOUR),
      [indexer('db_pool_waiting')]: flat(200, HOUR),
      [indexer('db_pool_available')]: flat(0, HOUR),
    },
    fires: ['IndexedRateLow', 'IndexerBehind', 'IndexerFarBehind', 'IntakeAboveDrain', 'PoolStarved'],
  },
  {
    says: 'the store full at 32 GB, appends refused, 2.9 million pending (8)',
    input: {
      ...healthy,
      ...growing(16.7e6, 0, 50_000),
      ...stopped,
      [ingester('store_used_bytes')]: flat(32e9, HOUR),
      [ingester('ingester_entries_written_total', LIVE)]: flat(5e7, HOUR),
      [ingester('ingester_written_bytes_total', LIVE)]: flat(3e10, HOUR),
      [ingester('ingester_errors_total', 'type="enqueue_failed"')]: rise(30, 0, HOUR, HOUR),
      [ingester('ingester_cursor_age_seconds')]: ramp(0, 60, HOUR),
      [indexer('indexer_pending_messages')]: flat(2.9e6, HOUR),
      [indexer('stream_oldest_pending_idle_seconds', LIVE)]: flat(40_000, HOUR),
    },
    fires: [
      'CursorStuck',
      'IndexerBehind',
      'IndexerConsumerGroupLag',
      'IndexerFarBehind',
      'IndexerStuck',
      'IngesterErrors',
      'PendingIdle',
      'StoreFilling',
      'StoreNearlyFull',
    ],
  },
  {
    says: 'long before: a high-water mark of 100 million entries in a store of 32 GB',
    input: { ...healthy, [ingester('ingester_high_water_mark_entries', LIVE)]: flat(100e6, HOUR) },
    fires: ['HighWaterMarkUnreachable'],
  },
  {
    says: 'six consumers idle for 18 hours before 12 million entries: the group stands beyond the end (22)',
    input: {
      ...healthy,
      ...stopped,
      [indexer('stream_undelivered_entries', LIVE)]: flat(0, HOUR),
      [indexer('stream_pending_entries', LIVE)]: flat(0, HOUR),
      [indexer('stream_entries', LIVE)]: flat(12e6, HOUR),
      [ingester('store_safe', 'check="group_ahead"')]: flat(0, HOUR),
    },
    fires: ['IndexedRateLow', 'IndexerStuck', 'StoreUnsafe'],
  },
  {
    says: 'idle for 15 hours with 160 pending, delivered again and again (23)',
    input: {
      ...healthy,
      ...stopped,
      ...growing(1e6, 60_000, 54_000),
      [indexer('indexer_pending_messages')]: flat(160, HOUR),
      [indexer('stream_oldest_pending_idle_seconds', LIVE)]: flat(54_000, HOUR),
    },
    fires: [
      'IndexedRateLow',
      'IndexerBehind',
      'IndexerFarBehind',
      'IndexerStuck',
      'IntakeAboveDrain',
      'PendingIdle',
    ],
  },
  {
    says: 'posts trimmed before they were indexed (29)',
    input: { ...healthy, [indexer('stream_entries_lost_total', LIVE)]: rise(100, 40, 50, HOUR) },
    fires: ['StreamEntriesLost'],
  },
  {
    says: 'every repo fails, nine a second (the seed asks for more than ten)',
    input: {
      ...healthy,
      [backfiller('backfiller_repos_processed_total')]: flat(0, HOUR),
      [backfiller('backfiller_repos_skipped_total', 'reason="no_pds"')]: flat(0, HOUR),
      [backfiller('backfiller_repos_failed_total')]: rise(540, 0, HOUR, HOUR),
    },
    fires: ['BackfillStalled', 'BackfillerFailureRatio'],
  },
  {
    says: 'killed for its memory every 30 seconds (7)',
    input: { ...healthy, [ingester('process_start_time_seconds')]: restarts },
    fires: ['ServiceRestarting'],
  },
  {
    says: 'a batch dropped at each wait for room',
    input: {
      ...healthy,
      [ingester('ingester_backpressure_active')]: flat(1, HOUR),
      [ingester('ingester_backpressure_seconds_total', LIVE)]: rise(60, 0, HOUR, HOUR),
      [ingester('ingester_conservation_residual', 'part="firehose"')]: ramp(0, 500, HOUR),
    },
    fires: ['BackpressureTooLong', 'ConservationBroken', 'IngesterBackpressure'],
  },
  {
    says: 'an emergency deployment that shipped the old image to one of two (50)',
    input: {
      ...healthy,
      [indexer('build_info', 'version="1", commit="new"')]: flat(1, HOUR),
      [ingester('build_info', 'version="1", commit="old"')]: flat(1, HOUR),
    },
    fires: ['MixedVersions'],
  },
  {
    says: 'a socket that stays open and says nothing',
    input: {
      ...healthy,
      [ingester('ingester_seconds_since_last_frame')]: ramp(0, 60, HOUR),
      [ingester('ingester_frame_bytes_total', 'part="firehose"')]: flat(9, HOUR),
      [ingester('ingester_entries_written_total', LIVE)]: flat(9, HOUR),
      [ingester('ingester_written_bytes_total', LIVE)]: flat(9, HOUR),
      [indexer('stream_acknowledged_total', LIVE)]: flat(9, HOUR),
      [indexer('stream_undelivered_entries', LIVE)]: flat(0, HOUR),
      [indexer('stream_pending_entries', LIVE)]: flat(0, HOUR),
    },
    fires: ['FirehoseSilent'],
  },
]
