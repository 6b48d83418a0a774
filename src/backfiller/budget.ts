/**
 * A budget of bytes shared by repos whose size nobody knows beforehand. Owns how much memory the CARs in flight may take.
 * Guarantees: the sum of what is granted never exceeds the total, and no set of leases can wait for each other forever (a grant
 * is given only when, afterwards, some order exists in which every lease could still grow to its maximum and be released).
 * Refuses to know what the bytes are.
 */

export interface Lease {
  /** Bytes granted so far. */
  readonly held: number
  /** The most it may hold. */
  readonly max: number
  /** Resolves when `bytes` more are granted. Rejects when the signal of the lease aborts or its maximum would be passed. */
  grow(bytes: number): Promise<void>
  /** Gives everything back. Safe to call twice. */
  release(): void
}

type Holder = { held: number; readonly max: number }
type Waiter = { readonly holder: Holder; readonly bytes: number; readonly resolve: () => void }

export class ByteBudget {
  readonly #total: number
  readonly #holders = new Set<Holder>()
  #waiters: Waiter[] = []
  #used = 0

  constructor(totalBytes: number) {
    this.#total = totalBytes
  }

  /** Bytes granted at the moment. */
  get used(): number {
    return this.#used
  }

  /** Grants wait in this order; a small one may pass a large one that does not fit yet. */
  get waiting(): number {
    return this.#waiters.length
  }

  /** `maxBytes` is the most this lease will ever ask for; it must fit the budget. */
  lease(maxBytes: number, signal: AbortSignal): Lease {
    if (maxBytes > this.#total) throw new RangeError('a lease cannot be larger than its budget')
    const holder: Holder = { held: 0, max: maxBytes }
    this.#holders.add(holder)
    return {
      max: maxBytes,
      get held() {
        return holder.held
      },
      grow: (bytes) => this.#grow(holder, bytes, signal),
      release: () => this.#release(holder),
    }
  }

  async #grow(holder: Holder, bytes: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    if (holder.held + bytes > holder.max) throw new RangeError('a lease cannot pass its maximum')
    if (this.#isSafe(holder, bytes)) return this.#grant(holder, bytes)
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = {
        holder,
        bytes,
        resolve: () => {
          signal.removeEventListener('abort', abandon)
          resolve()
        },
      }
      const abandon = () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter)
        reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'))
      }
      signal.addEventListener('abort', abandon, { once: true })
      this.#waiters.push(waiter)
    })
  }

  #grant(holder: Holder, bytes: number): void {
    holder.held += bytes
    this.#used += bytes
  }

  #release(holder: Holder): void {
    if (!this.#holders.delete(holder)) return
    this.#used -= holder.held
    holder.held = 0
    const waiters = this.#waiters
    this.#waiters = waiters.filter((waiter) => {
      if (!this.#isSafe(waiter.holder, waiter.bytes)) return true
      this.#grant(waiter.holder, waiter.bytes)
      waiter.resolve()
      return false
    })
  }

  /**
   * Dijkstra's banker for one resource: after the grant, can the holders finish one after the other, the one that still needs
   * least first, each giving back what it holds?
   */
  #isSafe(asking: Holder, bytes: number): boolean {
    let free = this.#total - this.#used - bytes
    if (free < 0) return false
    const others = [...this.#holders].map((holder) => {
      const held = holder === asking ? holder.held + bytes : holder.held
      return { held, need: holder.max - held }
    })
    others.sort((a, b) => a.need - b.need)
    for (const { held, need } of others) {
      if (need > free) return false
      free += held
    }
    return true
  }
}
