/**
 * The fill level of one output stream. Owns its high-water mark and the waiting for room; guarantees that a part which awaits
 * `waitForRoom` before each batch never runs more than about one batch past the mark. Nothing is discarded here.
 */
import { sleep } from '../lib/backoff.ts'
import type { Log, StreamStats } from '../stream/log.ts'

export type LevelOptions = {
  readonly log: Pick<Log, 'streamStats'>
  readonly stream: string
  /** null: never waits. */
  readonly mark: number | null
  readonly checkMs: number
  readonly onWait?: () => void
  readonly onWaited?: (seconds: number) => void
}

/** A reading is shared for so long: scrapes, status and parts together cost one look per second. */
const CACHE_MS = 1_000

export class StreamLevel {
  readonly stream: string
  readonly mark: number | null
  readonly #options: LevelOptions
  #reading: Promise<StreamStats> | null = null
  #readAtMs = -Infinity
  #length = 0
  #waiting = 0

  constructor(options: LevelOptions) {
    this.stream = options.stream
    this.mark = options.mark
    this.#options = options
  }

  /** How many parts wait for room right now. */
  get waiting(): number {
    return this.#waiting
  }

  /** At most a second old. */
  stats(): Promise<StreamStats> {
    const fresh = performance.now() - this.#readAtMs < CACHE_MS
    return this.#reading !== null && fresh ? this.#reading : this.#read()
  }

  /** What we appended since the last reading counts at once. */
  added(entries: number): void {
    this.#length += entries
  }

  /** Resolves when the stream is below its mark, or when the signal aborts. Rejects when the store cannot be asked. */
  async waitForRoom(signal: AbortSignal, onWaiting?: (waiting: boolean) => void): Promise<void> {
    await this.stats()
    if (this.#hasRoom()) return
    await this.#read()
    if (this.#hasRoom() || signal.aborted) return
    this.#waiting++
    this.#options.onWait?.()
    onWaiting?.(true)
    try {
      await this.#untilRoom(signal)
    } finally {
      this.#waiting--
      onWaiting?.(false)
    }
  }

  async #untilRoom(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && !this.#hasRoom()) {
      const startedAt = performance.now()
      await sleep(this.#options.checkMs, signal)
      this.#options.onWaited?.((performance.now() - startedAt) / 1000)
      if (!signal.aborted) await this.#read()
    }
  }

  #hasRoom(): boolean {
    return this.mark === null || this.#length < this.mark
  }

  #read(): Promise<StreamStats> {
    const reading = this.#options.log.streamStats(this.stream)
    this.#reading = reading
    this.#readAtMs = performance.now()
    reading.then(
      ({ length }) => (this.#length = length),
      // Nothing is returned: a reading that has begun meanwhile would be adopted here, and its failure be nobody's.
      () => {
        if (this.#reading === reading) this.#reading = null
      },
    )
    return reading
  }
}
