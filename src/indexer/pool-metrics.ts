/** From what happens on the connections to the metrics that tell of it. */
import type { Pool } from '../db/pool.ts'
import { NETWORK_TABLES } from '../db/schema/appview.ts'
import type { IndexerMetrics } from './metrics.ts'

const tables: ReadonlySet<string> = new Set(NETWORK_TABLES)

/** For as long as the pool lives: metrics and pool are those of one process. */
export const watchPool = (pool: Pool, metrics: IndexerMetrics): void => {
  pool.observe({
    onStatement: (kind, seconds) => metrics.statementSeconds.observe({ kind }, seconds),
    onWait: (seconds) => metrics.poolWait.observe(seconds),
    onError: (kind) => metrics.dbErrors.inc({ class: kind }),
    onRows: (table, rows) => {
      if (tables.has(table)) metrics.rows.inc({ table, outcome: 'written' }, rows)
    },
  })
}
