/**
 * Commits that are durable, remembered to recognise the copies that other relays send. Bounded: the oldest half is forgotten
 * when it is full. Law: a key enters only after its entries are durable, so whoever is skipped has been saved by another.
 */
export class RecentCommits {
  readonly #max: number
  #young = new Set<string>()
  #old = new Set<string>()

  /** `max` keys of about 110 characters: 50,000 take some 10 MB. */
  constructor(max: number) {
    this.#max = max
  }

  has(key: string): boolean {
    return this.#young.has(key) || this.#old.has(key)
  }

  remember(keys: readonly string[]): void {
    for (const key of keys) this.#young.add(key)
    if (this.#young.size < this.#max / 2) return
    this.#old = this.#young
    this.#young = new Set()
  }
}
