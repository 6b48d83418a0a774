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
  /** More time under back-pressure has passed; told while it lasts, not only at its end. */
  readonly onActiveSeconds?: (seconds: number) => void
}

export class OutputGate {
  readonly #options: OutputGateOptions
  #length = 0
  #checkedAt = -Infinity
  #checking: Promise<void> | null = null
  #active = false
  #toldAt = 0

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
    this.#tellSeconds()
    if (active === this.#active) return
    this.#active = active
    this.#options.onActiveChange(active)
  }

  /** Whoever made it active looks again at every check, so as long as it is active somebody comes by here. */
  #tellSeconds(): void {
    const now = performance.now()
    if (this.#active) this.#options.onActiveSeconds?.((now - this.#toldAt) / 1000)
    this.#toldAt = now
  }
}
