/**
 * A conservation law that is kept as an account: received = every outcome + in flight. Owns the sums of one stage of one service;
 * each is counted where the thing happens, none by subtraction, and what is in flight is looked up in the queues that hold it.
 * So a residual other than 0 says that something was lost (positive) or counted twice (negative). Refuses to know what a unit is.
 *
 * Law for whoever uses it: a unit leaves its queue and enters an outcome in the same tick, without an `await` in between. Then
 * every scrape, whatever it interrupts, reads 0. Work that was begun and given up, to be read again later, is an outcome too.
 */
export type Account<Outcome extends string> = {
  readonly received: number
  readonly inFlight: number
  readonly outcomes: Readonly<Record<Outcome, number>>
}

export class Ledger<Outcome extends string> {
  readonly #inFlight: () => number
  readonly #outcomes: Record<Outcome, number>
  #received = 0

  /** `inFlight` counts the units that the stage's real queues hold at the moment it is asked. */
  constructor(outcomes: readonly Outcome[], inFlight: () => number) {
    this.#inFlight = inFlight
    this.#outcomes = Object.fromEntries(outcomes.map((outcome) => [outcome, 0])) as Record<Outcome, number>
  }

  in(units = 1): void {
    this.#received += units
  }

  out(outcome: Outcome, units = 1): void {
    this.#outcomes[outcome] += units
  }

  account(): Account<Outcome> {
    return { received: this.#received, inFlight: this.#inFlight(), outcomes: { ...this.#outcomes } }
  }

  /** 0 when all is accounted for. */
  residual(): number {
    const ended = Object.values<number>(this.#outcomes).reduce((sum, units) => sum + units, 0)
    return this.#received - ended - this.#inFlight()
  }
}
