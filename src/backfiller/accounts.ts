/**
 * The backfiller's two conservation laws: every entry handed to us, and every record of a verified snapshot, comes to exactly one
 * end or is in hand. Owns what is in hand. Guarantees that an end and the leaving happen in the same tick, so that a scrape at any
 * moment reads 0; what is let go without an end, or ended twice, stays as a residual. Refuses to judge which end is right.
 */
import { Ledger } from '../monitoring/ledger.ts'

/** `failed` is left pending for a later attempt; `left` is what a stop or an outage of the store interrupted. */
const REPO_ENDS = ['processed', 'skipped', 'dead_lettered', 'postponed', 'failed', 'left'] as const
/** `abandoned`: not written, because the attempt failed or was stopped; the next attempt receives them again. */
const RECORD_ENDS = ['extracted', 'filtered', 'dropped', 'abandoned'] as const

export type RepoEnd = (typeof REPO_ENDS)[number]
export type RecordEnd = (typeof RECORD_ENDS)[number]

/** Units in hand together: one entry, or the records of one snapshot. */
export interface Held<End extends string> {
  /** Units that have not come to an end. */
  readonly left: number
  end(how: End, units?: number): void
  /** Lets go of everything. What has no end by now is lost, and the residual says so for ever. */
  close(): void
}

export class Stage<End extends string> {
  readonly #ledger: Ledger<End>
  #inHand = 0

  constructor(ends: readonly End[]) {
    this.#ledger = new Ledger(ends, () => this.#inHand)
  }

  receive(units: number): void {
    this.#ledger.in(units)
  }

  /** Call it in the tick of `receive`. */
  hold(units: number): Held<End> {
    let left = units
    const leave = (gone: number) => {
      left -= gone
      this.#inHand -= gone
    }
    this.#inHand += units
    return {
      get left() {
        return left
      },
      end: (how, ended = 1) => {
        this.#ledger.out(how, ended)
        leave(Math.min(ended, left))
      },
      close: () => leave(left),
    }
  }

  account() {
    return this.#ledger.account()
  }

  residual(): number {
    return this.#ledger.residual()
  }
}

export type Accounts = { readonly repos: Stage<RepoEnd>; readonly records: Stage<RecordEnd> }

export const openAccounts = (): Accounts => ({
  repos: new Stage<RepoEnd>(REPO_ENDS),
  records: new Stage<RecordEnd>(RECORD_ENDS),
})
