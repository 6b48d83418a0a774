/**
 * How many entries to ask for, so that a batch stays near a limit in bytes whatever the entries weigh. Stores count entries,
 * so the weight is predicted from what came before; the heavier of the last batch and the average decides.
 */
import type { Fields } from './log.ts'

/** Until the first batch is known. */
const FIRST_GUESS_BYTES = 4_096
const AVERAGE_WEIGHT = 0.2

/** Close enough to its bytes in the store, and to those in memory. */
export const weightOf = (fields: Fields): number =>
  Object.entries(fields).reduce((sum, [name, value]) => sum + name.length + value.length, 0)

export class BatchSize {
  readonly #maxBytes: number
  #average = FIRST_GUESS_BYTES
  #last = FIRST_GUESS_BYTES

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  entries(maxEntries: number): number {
    const each = Math.max(1, this.#average, this.#last)
    return Math.max(1, Math.min(maxEntries, Math.floor(this.#maxBytes / each)))
  }

  observe(batch: readonly { readonly fields: Fields }[]): void {
    if (batch.length === 0) return
    this.#last = batch.reduce((sum, entry) => sum + weightOf(entry.fields), 0) / batch.length
    this.#average += AVERAGE_WEIGHT * (this.#last - this.#average)
  }
}
