/**
 * Every entry of one stream from its delivery to its end, as an account that has to balance: delivered = committed (and
 * acknowledged) + dead letters + left pending (to come again) + in flight. Guarantees that what a batch holds is in flight
 * until it is settled; a batch that ends while it still holds entries shows as a residual.
 */
import { Ledger } from '../monitoring/ledger.ts'
import type { Delivery } from '../stream/consumer.ts'

export const ENDS = ['committed', 'dead_lettered', 'left_pending'] as const
export type End = (typeof ENDS)[number]

/** The entries of one batch that have not come to an end. */
export class OpenBatch {
  readonly #account: EntryAccount
  readonly #open: Set<string>

  constructor(account: EntryAccount, entries: readonly Delivery[]) {
    this.#account = account
    this.#open = new Set(entries.map(({ id }) => id))
  }

  get size(): number {
    return this.#open.size
  }

  settle(ids: readonly string[], end: End): void {
    for (const id of ids) this.#open.delete(id)
    this.#account.ledger.out(end, ids.length)
  }

  /** An error ended the work at the batch: what has no end yet was never acknowledged. */
  leave(): void {
    this.settle([...this.#open], 'left_pending')
  }

  close(): void {
    this.#account.close(this)
  }
}

export class EntryAccount {
  readonly #batches = new Set<OpenBatch>()
  readonly ledger = new Ledger<End>(ENDS, () => [...this.#batches].reduce((sum, { size }) => sum + size, 0))

  open(entries: readonly Delivery[]): OpenBatch {
    const batch = new OpenBatch(this, entries)
    this.#batches.add(batch)
    this.ledger.in(entries.length)
    return batch
  }

  close(batch: OpenBatch): void {
    this.#batches.delete(batch)
  }
}
