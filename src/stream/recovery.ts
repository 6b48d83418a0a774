/**
 * Finds pending entries that somebody has to take up again:
 * - at the start, what this consumer had when it last stopped;
 * - from then on, what it failed at, once the backoff for its number of deliveries is over. Backoff is read off the store (idle
 *   time and deliveries), so it survives restarts;
 * - what other consumers left behind.
 * Never what is in flight here. Each look examines a bounded number of entries and the next one goes on from there.
 */
import { backoffMs, type BackoffOptions } from '../lib/backoff.ts'
import type { Entry, Log, PendingEntry, Reader } from './log.ts'

export type RecoveryOptions = {
  readonly log: Log
  readonly reader: Reader
  readonly retry: BackoffOptions
  readonly abandonedAfterMs: number
  readonly isInFlight: (id: string) => boolean
}

export type Recovered = {
  readonly kind: 'restart' | 'retry' | 'abandoned'
  readonly entries: readonly Entry[]
}

const PAGE = 500
const PAGES_PER_LOOK = 10

export class Recovery {
  readonly #options: RecoveryOptions
  #startCursor: string | null = '0-0'
  #ownCursor = '0-0'
  #othersCursor = '0-0'
  #nextOwnLook = 0
  #nextOthersLook = 0

  constructor(options: RecoveryOptions) {
    this.#options = options
  }

  /** Milliseconds until `take` has something to look for. */
  get dueInMs(): number {
    if (this.#startCursor !== null) return 0
    return Math.max(0, Math.min(this.#nextOwnLook, this.#nextOthersLook) - performance.now())
  }

  /** null when nothing is due. */
  async take(maxEntries: number): Promise<Recovered | null> {
    const entries = await this.#takeAtStart(maxEntries)
    if (entries.length > 0) return { kind: 'restart', entries }
    const retried = await this.#takeFailed(maxEntries)
    if (retried.length > 0) return { kind: 'retry', entries: retried }
    const abandoned = await this.#takeAbandoned(maxEntries)
    return abandoned.length > 0 ? { kind: 'abandoned', entries: abandoned } : null
  }

  /** What was delivered once and never came to an end, at once; what has been tried more often waits for its backoff. */
  async #takeAtStart(maxEntries: number): Promise<readonly Entry[]> {
    if (this.#startCursor === null) return []
    const { log, reader } = this.#options
    const found = await this.#find({
      from: this.#startCursor,
      query: { minIdleMs: 0, consumer: reader.consumer },
      isWanted: (entry) => entry.deliveries === 1 || this.#isDue(entry),
      maxEntries,
    })
    const entries = await log.claim(reader, found.ids, 0)
    this.#startCursor = found.cursor === '0-0' ? null : found.cursor
    return entries
  }

  async #takeFailed(maxEntries: number): Promise<readonly Entry[]> {
    if (performance.now() < this.#nextOwnLook) return []
    const { log, reader, retry } = this.#options
    const found = await this.#find({
      from: this.#ownCursor,
      query: { minIdleMs: retry.initialMs, consumer: reader.consumer },
      isWanted: (entry) => this.#isDue(entry),
      maxEntries,
    })
    this.#ownCursor = found.cursor
    if (found.cursor === '0-0') this.#nextOwnLook = performance.now() + lookEveryMs(retry.initialMs, 1_000)
    return found.ids.length === 0 ? [] : log.claim(reader, found.ids, retry.initialMs)
  }

  async #takeAbandoned(maxEntries: number): Promise<readonly Entry[]> {
    if (performance.now() < this.#nextOthersLook) return []
    const { log, reader, abandonedAfterMs } = this.#options
    const found = await this.#find({
      from: this.#othersCursor,
      query: { minIdleMs: abandonedAfterMs },
      isWanted: (entry) => entry.consumer !== reader.consumer,
      maxEntries,
    })
    this.#othersCursor = found.cursor
    if (found.cursor === '0-0')
      this.#nextOthersLook = performance.now() + lookEveryMs(abandonedAfterMs / 5, 30_000)
    // The store checks the idle time again, so that of two that see it only one gets it.
    return found.ids.length === 0 ? [] : log.claim(reader, found.ids, abandonedAfterMs)
  }

  #isDue({ idleMs, deliveries }: PendingEntry): boolean {
    return idleMs >= backoffMs(deliveries, this.#options.retry)
  }

  /** `cursor` is where to go on; '0-0' when the end was reached. */
  async #find(options: {
    from: string
    query: { minIdleMs: number; consumer?: string }
    isWanted: (entry: PendingEntry) => boolean
    maxEntries: number
  }): Promise<{ ids: string[]; cursor: string }> {
    const { log, reader, isInFlight } = this.#options
    const ids: string[] = []
    let cursor = options.from
    for (let page = 0; page < PAGES_PER_LOOK; page++) {
      const query = { ...options.query, maxEntries: PAGE, afterId: cursor }
      const rows = await log.pending(reader.stream, reader.group, query)
      for (const row of rows) {
        cursor = row.id
        if (isInFlight(row.id) || !options.isWanted(row)) continue
        ids.push(row.id)
        if (ids.length === options.maxEntries) return { ids, cursor }
      }
      if (rows.length < PAGE) return { ids, cursor: '0-0' }
    }
    return { ids, cursor }
  }
}

const lookEveryMs = (ms: number, maxMs: number): number => Math.min(maxMs, Math.max(50, ms / 2))
