/** What all services stand on: the stream store and PostgreSQL, and limits that could never be reached. */
import type { Alert, Clock, RuleGroup } from './alert.ts'
import { database } from './database.ts'
import { recent } from './fragments.ts'

/** Stored bytes per payload byte: entry ids, field names and the tree of a Redis stream. */
const OVERHEAD = 1.5

const condition = (clock: Clock): readonly Alert[] => [
  {
    name: 'StoreDown',
    expr: `${recent(clock, 'store_up')} == 0`,
    forSeconds: 60,
    severity: 'critical',
    service: 'store',
    summary: '{{ $labels.instance }} has no answer from the stream store (store_up = {{ $value }})',
    description:
      'Nothing can be written to streams or read from them; every service waits. Check first whether the store runs, then whether it is loading its data or out of memory.',
    dashboard: 'overview',
  },
  {
    name: 'StoreUnsafe',
    expr: `min by (check) (${recent(clock, 'store_safe')}) == 0`,
    forSeconds: 300,
    severity: 'warning',
    service: 'store',
    summary: 'The stream store is not safe: check {{ $labels.check }} = {{ $value }}',
    description:
      'eviction: it may throw entries away; persistence: a restart loses them; memory_limit: it has none and takes the machine; group_ahead: readers stand beyond the end of a stream and get nothing. Check first `millrace doctor`, which names the setting.',
    dashboard: 'overview',
  },
]

const room = (clock: Clock): readonly Alert[] => [
  {
    name: 'StoreFilling',
    expr: `max(store_used_bytes / store_capacity_bytes) > 0.8`,
    forSeconds: 600,
    severity: 'warning',
    service: 'store',
    summary: 'The stream store is {{ $value | humanizePercentage }} full',
    description:
      'When it is full no service can write; reading and acknowledging still work. Check first which stream is long, and why its readers are slow.',
    dashboard: 'overview',
  },
  {
    name: 'StoreNearlyFull',
    expr: `max(store_used_bytes / store_capacity_bytes) > 0.95`,
    forSeconds: 120,
    severity: 'critical',
    service: 'store',
    summary: 'The stream store is {{ $value | humanizePercentage }} full',
    description:
      'Appends are about to be refused. Check first that the indexers run: they go on reading and freeing entries while it is full; if they do, stop the backfill.',
    dashboard: 'overview',
  },
  {
    name: 'StoreFullSoon',
    expr: `store:full_seconds:eta < ${clock.value(14_400)} and on () max(store_used_bytes / store_capacity_bytes) > 0.3`,
    forSeconds: 600,
    severity: 'warning',
    service: 'store',
    summary: 'At its present growth the stream store is full in {{ $value | humanizeDuration }}',
    description:
      'It has grown for half an hour at a rate that fills it within 4 hours. Check first which stream grows, on the panel of stream lengths.',
    dashboard: 'overview',
  },
  {
    name: 'HighWaterMarkUnreachable',
    expr: `sum(
  max by (stream) (ingester_high_water_mark_entries)
  * on (stream) (
    sum by (stream) (rate(ingester_written_bytes_total[${clock.range(3_600)}]))
    / sum by (stream) (rate(ingester_entries_written_total[${clock.range(3_600)}]))
  ) > 0
) * ${OVERHEAD} > on () min(store_capacity_bytes)`,
    forSeconds: 300,
    severity: 'warning',
    service: 'store',
    summary:
      'Streams at their high-water marks need {{ $value | humanize1024 }}B, more than the store can hold',
    description:
      'The store would be full before back-pressure could stop the ingester. Check first the high-water marks and the memory limit of the store; lower the one or raise the other.',
    dashboard: 'overview',
  },
]

export const stores = (clock: Clock): RuleGroup => ({
  name: 'stores',
  alerts: [...condition(clock), ...room(clock), ...database(clock)],
})
