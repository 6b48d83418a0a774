/** How many entries each group is known to have lost before they were delivered; grows, for as long as the log is open. */
export class Losses {
  readonly #lost = new Map<string, number>()

  add(stream: string, group: string, entries: number): void {
    if (entries > 0) this.#lost.set(keyOf(stream, group), this.of(stream, group) + entries)
  }

  of(stream: string, group: string): number {
    return this.#lost.get(keyOf(stream, group)) ?? 0
  }
}

const keyOf = (stream: string, group: string): string => JSON.stringify([stream, group])
