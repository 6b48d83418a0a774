/**
 * Gives empty pages back to the disk. Pages freed by acks are reused by appends, so in steady state there is nothing to do;
 * after a backlog has drained the file is mostly empty and shrinks, a little at a time, to keep each pause short.
 */
import type { Sql } from './sqlite.ts'

/** Empty pages worth keeping for the next appends (16 MiB). */
const KEPT_PAGES = 4096
const PAGES_PER_STEP = 1024

/** Outside a transaction. */
export const reclaimPages = (sql: Sql): void => {
  const free = sql.get<{ freelist_count: number }>('PRAGMA freelist_count')?.freelist_count ?? 0
  const total = sql.get<{ page_count: number }>('PRAGMA page_count')?.page_count ?? 0
  if (free <= KEPT_PAGES || free * 2 < total) return
  // The pragma works as its rows are stepped through, so it has to be read to its end.
  sql.all(`PRAGMA incremental_vacuum(${Math.min(PAGES_PER_STEP, free - KEPT_PAGES)})`)
}
