/** The small expiring cache. Bounded in entries: when full, what expires soonest goes first. */
import type { Sql } from './sqlite.ts'

const MAX_ENTRIES = 200_000
const SETS_BETWEEN_SWEEPS = 1_000

export class Cache {
  readonly #sql: Sql
  readonly #maxEntries: number
  #setsSinceSweep = 0

  constructor(sql: Sql, maxEntries: number = MAX_ENTRIES) {
    this.#sql = sql
    this.#maxEntries = maxEntries
  }

  get(key: string): string | null {
    const row = this.#sql.get<{ value: string }>(
      'SELECT value FROM cache WHERE key = ? AND expires_at > ?',
      key,
      Date.now(),
    )
    return row?.value ?? null
  }

  /** Within a transaction. */
  set(key: string, value: string, ttlMs: number): void {
    this.#sql.run('INSERT OR REPLACE INTO cache VALUES (?, ?, ?)', key, value, Date.now() + ttlMs)
    if (++this.#setsSinceSweep >= SETS_BETWEEN_SWEEPS) this.#sweep()
  }

  #sweep(): void {
    this.#setsSinceSweep = 0
    this.#sql.run('DELETE FROM cache WHERE expires_at <= ?', Date.now())
    const count = this.#sql.get<{ n: number }>('SELECT count(*) AS n FROM cache')?.n ?? 0
    if (count <= this.#maxEntries) return
    this.#sql.run(
      'DELETE FROM cache WHERE key IN (SELECT key FROM cache ORDER BY expires_at LIMIT ?)',
      count - this.#maxEntries,
    )
  }
}
