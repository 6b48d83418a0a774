/**
 * Every entry of one stream from its delivery to its end, as an account that has to balance: delivered = committed (and
 * acknowledged) + dead letters + left pending (to come again) + in flight. Guarantees that an entry is in flight until it is
 * settled; one that is closed before it was shows as a residual.
 */
import { Ledger } from '../monitoring/ledger.ts'
import type { Delivery } from '../stream/consumer.ts'

export const ENDS = ['committed', 'dead_lettered', 'left_pending'] as const
export type End = (typeof ENDS)[number]

type Entries = readonly Pick<Delivery, 'id'>[]

export class EntryAccount {
  readonly #open = new Set<string>()
  readonly ledger = new Ledger<End>(ENDS, () => this.#open.size)

  open(entries: Entries): void {
    for (const { id } of entries) this.#open.add(id)
    this.ledger.in(entries.length)
  }

  settle(entries: Entries, end: End): void {
    this.close(entries)
    this.ledger.out(end, entries.length)
  }

  /** An error ended the work at these: what has no end yet was never acknowledged. */
  leave(entries: Entries): void {
    this.settle(
      entries.filter(({ id }) => this.#open.has(id)),
      'left_pending',
    )
  }

  /** Nothing is done for these any more. */
  close(entries: Entries): void {
    for (const { id } of entries) this.#open.delete(id)
  }
}
