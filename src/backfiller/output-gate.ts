/**
 * Back-pressure from the output stream. Owns the answer to "may I append now?": no while the stream is as long as its
 * high-water mark. Those who ask wait and keep what they hold; nothing is dropped. One reader asks the store for all of them.
 */
import { sleep } from '../lib/backoff.ts'
import { TransientError } from '../lib/errors.ts'

export type OutputGateOptions = {
  /** Length of the output stream now. A TransientError counts as "not now". */
  readonly length: () => Promise<number>
  readonly highWaterMark: number
  /** A length older than this is asked for again; also the pace of asking while closed. */
  readonly checkEveryMs: number
  readonly onActiveChange: (active: boolean) => void
}

export class OutputGate {
  readonly #options: OutputGateOptions
  #length = 0
  #checkedAt = -Infinity
  #checking: Promise<void> | null = null
  #active = false

  constructor(options: OutputGateOptions) {
    this.#options = options
  }

  /** Whether appends are being held back. */
  get active(): boolean {
    return this.#active
  }

  /**
   * Resolves when the stream is below its mark, or when the signal aborts (the caller looks at `active`). The `entries` that
   * are then appended count from here on, so that many writers cannot pass the mark together by more than what is under way.
   */
  async pass(entries: number, signal: AbortSignal): Promise<void> {
    const { highWaterMark, checkEveryMs } = this.#options
    while (!signal.aborted) {
      const stale = performance.now() - this.#checkedAt >= checkEveryMs
      if (stale || this.#length >= highWaterMark) await this.#check()
      this.#setActive(this.#length >= highWaterMark)
      if (!this.#active) {
        this.#length += entries
        return
      }
      await sleep(checkEveryMs, signal)
    }
  }

  #check(): Promise<void> {
    this.#checking ??= this.#read().finally(() => (this.#checking = null))
    return this.#checking
  }

  async #read(): Promise<void> {
    try {
      this.#length = await this.#options.length()
    } catch (error) {
      if (!(error instanceof TransientError)) throw error
      this.#length = Infinity
    }
    this.#checkedAt = performance.now()
  }

  #setActive(active: boolean): void {
    if (active === this.#active) return
    this.#active = active
    this.#options.onActiveChange(active)
  }
}
