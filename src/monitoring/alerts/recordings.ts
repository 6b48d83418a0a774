/**
 * Figures that many rules and panels share. A figure of the store is the same at every replica that reads it, so they are
 * joined by max; a rate is of each replica's own work, so they are added.
 */
import type { Clock, Recording, RuleGroup } from './alert.ts'
import { knownOver } from './fragments.ts'
import { freshnessRecordings } from './freshness.ts'

/** Counts and ages of streams: max over the replicas that export them. */
const STREAMS = {
  entries: 'Entries stored.',
  undelivered_entries: 'Entries that no reader has been given; NaN while unknown.',
  oldest_undelivered_age_seconds: 'Age of the first entry that no reader has been given; NaN while unknown.',
  pending_entries: 'Entries delivered and not acknowledged.',
  dead_letters: 'Entries put aside.',
} as const

const streams: readonly Recording[] = Object.entries(STREAMS).map(([figure, help]) => ({
  record: `stream:${figure}:max`,
  expr: `max by (stream) (stream_${figure})`,
  help,
}))

const rates = (clock: Clock): readonly Recording[] => {
  const range = clock.range(300)
  return [
    {
      record: 'ingester:firehose_events:rate5m',
      expr: `sum(rate(ingester_firehose_events_total[${range}]))`,
      help: 'Events a second received from relays.',
    },
    {
      record: 'ingester:entries_written:rate5m',
      expr: `sum by (stream) (rate(ingester_entries_written_total[${range}]))`,
      help: 'Entries a second written by ingesters.',
    },
    {
      record: 'indexer:events_processed:rate5m',
      expr: `sum(rate(indexer_events_processed_total[${range}]))`,
      help: 'Events a second dealt with by indexers.',
    },
    {
      record: 'backfiller:repos_processed:rate5m',
      expr: `sum(rate(backfiller_repos_processed_total[${range}]))`,
      help: 'Repos a second processed by backfillers.',
    },
  ]
}

const forecasts = (clock: Clock): readonly Recording[] => [
  {
    record: 'stream:undelivered_entries:deriv10m',
    expr: `deriv(${knownOver(clock, 'stream:undelivered_entries:max', 600)})`,
    help: 'Entries a second by which the undelivered ones grow, or fall when negative.',
  },
  {
    record: 'stream:drain_seconds:eta',
    expr: `(stream:undelivered_entries:max > 0) / clamp_min(-stream:undelivered_entries:deriv10m, 0)
  or stream:undelivered_entries:max == 0`,
    help: 'Seconds until nothing is undelivered, at the present trend; +Inf when it does not fall, 0 when there is nothing.',
  },
  {
    record: 'store:full_seconds:eta',
    expr: `min(store_capacity_bytes - store_used_bytes) / clamp_min(max(deriv(${knownOver(clock, 'store_used_bytes', 1_800)})), 0)`,
    help: 'Seconds until the store is full, at the present trend; +Inf when it does not grow.',
  },
]

export const recordings = (clock: Clock): RuleGroup => ({
  name: 'recordings',
  recordings: [...streams, ...rates(clock), ...forecasts(clock), ...freshnessRecordings(clock)],
})
