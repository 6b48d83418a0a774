/** The totals of the status, read from the metrics: one count, told twice. */
import type { Registry } from '@prometheus-io/client'

/** By the words of the status. */
const TOTALS = {
  eventsProcessed: 'indexer_events_processed_total',
  rowsWritten: 'indexer_db_writes_total',
  labelsProcessed: 'indexer_labels_processed_total',
  notificationsWritten: 'indexer_notifications_written_total',
  identitiesLookedUp: 'indexer_identity_lookups_total',
  deadLetters: 'indexer_poison_entries_total',
  errors: 'indexer_errors_total',
} as const

export const readTotals = async (registry: Registry): Promise<Readonly<Record<string, number>>> =>
  Object.fromEntries(
    await Promise.all(
      Object.entries(TOTALS).map(async ([word, name]) => [word, await sumOf(registry, name)]),
    ),
  ) as Record<string, number>

const sumOf = async (registry: Registry, name: string): Promise<number> => {
  const { values } = (await registry.getSingleMetric(name)?.get()) ?? { values: [] }
  return values.reduce((sum, { value }) => sum + value, 0)
}
