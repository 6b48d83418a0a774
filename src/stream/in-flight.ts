/**
 * What this process is working on. Keeps it from being taken for abandoned: while anything is in flight, its idle time is
 * reset long before anybody may claim it.
 */
import type { Log, Reader } from './log.ts'

export type InFlightOptions = {
  readonly log: Log
  readonly reader: Reader
  readonly touchEveryMs: number
  readonly onError: (error: unknown) => void
}

export class InFlight {
  readonly #options: InFlightOptions
  readonly #ids = new Set<string>()
  #timer: NodeJS.Timeout | null = null
  #touching = false

  constructor(options: InFlightOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#ids.size
  }

  has(id: string): boolean {
    return this.#ids.has(id)
  }

  add(ids: Iterable<string>): void {
    for (const id of ids) this.#ids.add(id)
    if (this.#ids.size === 0 || this.#timer !== null) return
    // Not a reason for the process to live: what is in flight at its end is delivered again.
    this.#timer = setInterval(() => void this.#touch(), this.#options.touchEveryMs).unref()
  }

  remove(ids: Iterable<string>): void {
    for (const id of ids) this.#ids.delete(id)
    if (this.#ids.size > 0 || this.#timer === null) return
    clearInterval(this.#timer)
    this.#timer = null
  }

  async #touch(): Promise<void> {
    if (this.#touching) return
    this.#touching = true
    try {
      await this.#options.log.touch(this.#options.reader, [...this.#ids])
    } catch (error) {
      this.#options.onError(error)
    } finally {
      this.#touching = false
    }
  }
}
