/**
 * The ingester's law of conservation, part by part: received = written + filtered + dropped + duplicate + abandoned + in hand.
 * Owns what a unit of each part is and where it lies while it is in hand.
 *
 * `firehose`: an event, as `ingester_firehose_events_total` counts them, and 1 for a frame that cannot be read. A commit that was
 * too big counts its operations; a sync or an operation-less commit counts 1, written as its resync, or filtered when it asks
 * for none. Resyncs that operations cause are made here and not received, so they are no units.
 * `labels`: a label, and 1 for a frame that cannot be read. `repos`: an item of a page that is taken in to be saved.
 * Info and error frames say something about the connection and are no units.
 *
 * `abandoned`: in hand when a stop's deadline or a failure of our own came. Its cursor is not saved: the next start reads it again.
 */
import type { Fields } from '../stream/log.ts'
import { Ledger } from '../monitoring/ledger.ts'
import type { Batch, Batcher } from './batcher.ts'
import type { Part } from './metric-words.ts'

export const UNIT_OUTCOMES = ['written', 'filtered', 'dropped', 'duplicate', 'abandoned'] as const
export type UnitOutcome = (typeof UNIT_OUTCOMES)[number]

export type PageInHand = { readonly entries: readonly Fields[]; readonly bytes: number }

/** Where units lie between being received and their outcome. */
export type InHand = {
  readonly firehose: Set<Batcher>
  readonly labels: Set<Batcher>
  readonly repos: Set<PageInHand>
}

export type Ledgers = Readonly<Record<Part, Ledger<UnitOutcome>>>

export const openLedgers = ({ firehose, labels, repos }: InHand): Ledgers => ({
  firehose: new Ledger(UNIT_OUTCOMES, () => unitsOf(firehose, 'firehose')),
  labels: new Ledger(UNIT_OUTCOMES, () => unitsOf(labels, 'labels')),
  repos: new Ledger(UNIT_OUTCOMES, () => [...repos].reduce((sum, { entries }) => sum + entries.length, 0)),
})

export const countUnreadable = (ledger: Ledger<UnitOutcome>): void => {
  ledger.in()
  ledger.out('dropped')
}

/** Units of a batch of either kind of socket. */
export const unitsIn: Readonly<Record<'firehose' | 'labels', (batch: Batch) => number>> = {
  firehose: ({ entries, requests }) => entries.length + requests,
  labels: ({ labels }) => labels,
}

const unitsOf = (batchers: ReadonlySet<Batcher>, part: 'firehose' | 'labels'): number =>
  [...batchers].flatMap(({ batches }) => batches).reduce((sum, batch) => sum + unitsIn[part](batch), 0)
