/**
 * Work side by side that never meets itself: what has the same key is done in one lane, in its order. Owns which lane a key
 * has, the queues of the lanes, and how much a lane takes at once: all that waits, up to a limit, so batches are small when
 * there is little to do and large when there is much. Transactions of one account lock the same rows: dealt out so, the
 * lanes of a process wait for each other only where records of different accounts concern each other.
 */

/** While PostgreSQL writes for one, another is decoded and planned. */
export const LANES = 2

type Failure = { readonly error: unknown }

/** What came together: how much of it has not come to an end, and what went wrong first. */
type Ticket = {
  open: number
  failure: Failure | undefined
  readonly end: PromiseWithResolvers<void>
}

type Waiting<T> = { readonly item: T; readonly ticket: Ticket }
type Lane<T> = { readonly queue: Waiting<T>[]; isBusy: boolean }

export type LanesOptions<T> = {
  readonly keyOf: (item: T) => string
  /** Most items done at once. */
  readonly size: number
  readonly work: (items: readonly T[]) => Promise<void>
}

export class Lanes<T> {
  readonly #options: LanesOptions<T>
  readonly #lanes: readonly Lane<T>[]

  constructor(options: LanesOptions<T>) {
    this.#options = options
    this.#lanes = Array.from({ length: LANES }, () => ({ queue: [], isBusy: false }))
  }

  /** Resolves when all of `items` are done; rejects with the first failure, when all have come to an end. */
  async run(items: readonly T[]): Promise<void> {
    if (items.length === 0) return
    const ticket: Ticket = { open: items.length, failure: undefined, end: Promise.withResolvers() }
    const shares = Map.groupBy(items, (item) => this.#laneOf(this.#options.keyOf(item)))
    for (const [lane, share] of shares) {
      for (const item of share) lane.queue.push({ item, ticket })
      void this.#drain(lane)
    }
    return ticket.end.promise
  }

  #laneOf(key: string): Lane<T> {
    return this.#lanes[hashOf(key) % LANES] as Lane<T>
  }

  async #drain(lane: Lane<T>): Promise<void> {
    if (lane.isBusy) return
    lane.isBusy = true
    while (lane.queue.length > 0) await this.#do(lane.queue.splice(0, this.#options.size))
    lane.isBusy = false
  }

  async #do(batch: readonly Waiting<T>[]): Promise<void> {
    let failure: Failure | undefined
    try {
      await this.#options.work(batch.map(({ item }) => item))
    } catch (error) {
      failure = { error }
    }
    for (const { ticket } of batch) end(ticket, failure)
  }
}

const end = (ticket: Ticket, failure: Failure | undefined): void => {
  ticket.failure ??= failure
  ticket.open -= 1
  if (ticket.open > 0) return
  if (ticket.failure) ticket.end.reject(ticket.failure.error)
  else ticket.end.resolve()
}

/** FNV-1a, and what murmur does at its end: keys that differ in one letter part as well. */
const hashOf = (key: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) >>> 16
}
