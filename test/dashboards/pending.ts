/** Series that panels read and a service is about to export. */
import type { Series } from './catalogue.ts'

const stream = (...more: string[]): Series => ({
  type: 'gauge',
  labels: new Set(['job', 'instance', 'service', 'type', 'stream', ...more]),
})

export const PENDING: ReadonlyMap<string, Series> = new Map([
  ['stream_entries', stream()],
  ['stream_undelivered_entries', stream()],
  ['stream_undelivered_known', stream()],
  ['stream_pending_entries', stream()],
  ['stream_oldest_entry_age_seconds', stream()],
  ['stream_oldest_undelivered_age_seconds', stream()],
  ['stream_oldest_pending_idle_seconds', stream()],
  ['stream_pending_deliveries', stream()],
  ['stream_consumers', stream('state')],
  ['stream_dead_letters', stream()],
  ['stream_entries_lost_total', stream()],
  ['stream_deliveries_total', stream('kind')],
  ['stream_claims_total', stream('kind')],
  ['stream_acknowledged_total', stream()],
  ['stream_trimmed_entries_total', stream()],
])
