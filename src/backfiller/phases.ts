/**
 * Where the time of one entry goes. Owns one clock that always runs for exactly one phase, so the phases of an entry add up to
 * its whole time. Refuses to know what happens in a phase.
 */
export const PHASES = ['resolve', 'wait', 'fetch', 'verify', 'write'] as const
export type Phase = (typeof PHASES)[number]

export class PhaseClock {
  readonly #spentMs = new Map<Phase, number>()
  #phase: Phase | null = null
  #since = 0

  /** The time from here on belongs to `phase`, until the next call. */
  enter(phase: Phase): void {
    this.#charge()
    this.#phase = phase
  }

  /** Seconds per phase that was entered. */
  end(): ReadonlyMap<Phase, number> {
    this.#charge()
    this.#phase = null
    return new Map([...this.#spentMs].map(([phase, ms]) => [phase, ms / 1000]))
  }

  #charge(): void {
    const now = performance.now()
    if (this.#phase !== null)
      this.#spentMs.set(this.#phase, (this.#spentMs.get(this.#phase) ?? 0) + now - this.#since)
    this.#since = now
  }
}
