/**
 * Paces the network: so many events a second, or a number of events at once. Owns when things happen, not what. Yields to
 * the event loop often and waits while a connected subscriber would lose frames.
 */
import { setImmediate as immediately } from 'node:timers/promises'
import { sleep } from '../lib/backoff.ts'

const TICK_MS = 10
/** Longest time the event loop is kept from serving. */
const SLICE_MS = 8
/** Production that was missed while waiting is made up for at most this long. */
const MAX_DEBT_MS = 1_000

export type ProducerOptions = {
  /** Lets one thing happen. */
  readonly step: () => void
  /** Events since the start: one step may make several. */
  readonly events: () => number
  readonly room: () => boolean
  /** False once everything that was scheduled has been produced. */
  readonly more: () => boolean
  readonly ratePerSecond: number
}

export class Producer {
  readonly #options: ProducerOptions
  readonly #stop = new AbortController()
  readonly #loop: Promise<void>
  #rate: number
  #finish: () => void = () => {}
  /** Resolves when everything scheduled has been produced; also when the sandbox is closed before. */
  readonly done: Promise<void>

  constructor(options: ProducerOptions) {
    this.#options = options
    this.#rate = options.ratePerSecond
    this.done = new Promise((resolve) => {
      this.#finish = resolve
    })
    this.#loop = this.#run()
  }

  setRate(eventsPerSecond: number): void {
    this.#rate = eventsPerSecond
  }

  get rate(): number {
    return this.#rate
  }

  /** Makes at least `events` events as fast as possible, whatever was scheduled. */
  async produce(events: number): Promise<void> {
    const target = this.#options.events() + events
    while (this.#options.events() < target && !this.#stop.signal.aborted) {
      this.#slice(() => this.#options.events() < target)
      await immediately()
      while (!this.#options.room() && !this.#stop.signal.aborted) await sleep(TICK_MS, this.#stop.signal)
    }
    this.#checkDone()
  }

  async close(): Promise<void> {
    this.#stop.abort()
    await this.#loop
    this.#finish()
  }

  /** Steps until `wanted` says no, the slice of time is over, or a subscriber lags. */
  #slice(wanted: () => boolean): void {
    const until = performance.now() + SLICE_MS
    while (wanted() && performance.now() < until && this.#options.room()) this.#options.step()
  }

  #checkDone(): void {
    if (!this.#options.more()) this.#finish()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop
    let debt = 0
    let last = performance.now()
    this.#checkDone()
    while (!signal.aborted) {
      await sleep(TICK_MS, signal)
      const now = performance.now()
      debt = Math.min(debt + ((now - last) * this.#rate) / 1000, (this.#rate * MAX_DEBT_MS) / 1000)
      last = now
      if (!this.#options.more()) continue
      const before = this.#options.events()
      const target = before + Math.floor(debt)
      this.#slice(() => this.#options.events() < target && this.#options.more())
      debt -= this.#options.events() - before
      this.#checkDone()
    }
  }
}
