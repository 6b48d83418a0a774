/** Readers that wait for a stream to grow. A wake-up is a hint: whoever is woken looks again. */

type Waker = () => void

export class Wakers {
  readonly #waiting = new Map<string, Set<Waker>>()

  wake(stream: string): void {
    for (const waker of this.#waiting.get(stream) ?? []) waker()
  }

  wakeAll(): void {
    for (const stream of [...this.#waiting.keys()]) this.wake(stream)
  }

  /** Resolves when the stream is woken, after `ms`, or when the signal aborts. */
  wait(stream: string, ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve()
      const set = this.#waiting.get(stream) ?? new Set()
      this.#waiting.set(stream, set)
      const done = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        set.delete(done)
        if (set.size === 0 && this.#waiting.get(stream) === set) this.#waiting.delete(stream)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal?.addEventListener('abort', done, { once: true })
      set.add(done)
    })
  }
}
