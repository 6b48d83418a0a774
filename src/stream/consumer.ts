/**
 * The loop that every reader of a stream shares. Guarantees:
 *
 * - every entry is handed out until it is `done`, or given up as a dead letter: at least once, across crashes of this or any
 *   other consumer of the group;
 * - at the start it first hands out what it had when it stopped, and is live right after;
 * - what is handed out is in flight, is kept from being claimed by others for as long as it takes, and is never handed out
 *   here a second time meanwhile;
 * - an abort loses nothing: `next` answers null, and what is in flight can still be finished.
 *
 * Outages of the store are waited out here (told through `onStoreError`). It suits a reader of whole batches and one that
 * works on entries side by side: nothing waits for the rest of a batch.
 */
import { backoffMs, type BackoffOptions, jitter, sleep } from '../lib/backoff.ts'
import { TransientError } from '../lib/errors.ts'
import { BatchSize } from './batch-size.ts'
import { appendedAt, type Letter, letterFields } from './dead-letter.ts'
import { ABANDONED_AFTER_MS } from './figures.ts'
import { InFlight } from './in-flight.ts'
import type { Entry, Fields, Log, Reader } from './log.ts'
import { Recovery, type Recovered } from './recovery.ts'

export type { Letter } from './dead-letter.ts'

/** An entry with a body. */
export type Delivery = { readonly id: string; readonly fields: Fields; readonly deliveries: number }

export type ConsumerOptions = {
  readonly log: Log
  readonly stream: string
  readonly group: string
  /** Unique among the running consumers of the group, and the same after a restart. */
  readonly consumer: string
  /** Most entries of one batch. */
  readonly batchSize: number
  /** A batch is kept near this size; one entry is handed out whatever it weighs. */
  readonly maxBatchBytes?: number
  /** Others' entries that were idle for so long are taken over. */
  readonly abandonedAfterMs?: number
  /** The delay before an entry that failed is handed out again, by its deliveries. */
  readonly retry: BackoffOptions
  /** An entry that fails at this delivery becomes a dead letter. */
  readonly maxDeliveries: number
  readonly deadLetterStream: string
  /** The fields of a dead letter; payload, rsky's `reason` and `attempts`, and where and when by default. */
  readonly letter?: (letter: Letter) => Fields
  readonly onDeadLetter?: (letter: Letter) => void
  /** Entries handed out, by whether it is their first delivery. */
  readonly onDeliver?: (kind: 'first' | 'again', entries: number) => void
  /** Pending entries acknowledged, those of dead letters included. */
  readonly onAcknowledge?: (entries: number) => void
  /** Pending entries were taken up again: ours from before a restart, ours that failed, or abandoned by others. */
  readonly onClaim?: (kind: Recovered['kind'], entries: number) => void
  /** Entries whose body somebody else deleted while they were pending; they are acknowledged. */
  readonly onVanished?: (entries: number) => void
  readonly onTrim?: (entries: number) => void
  /** The store is away; the operation is tried again after `retryInMs` (0: it is not, it was only a courtesy). */
  readonly onStoreError?: (error: unknown, retryInMs: number) => void
}

export interface Consumer {
  /**
   * The next batch, never empty; null once `signal` has aborted. At most `maxEntries` (default: the batch size).
   * Rejects only when the store has to be looked at by an operator, or is broken.
   */
  next(signal: AbortSignal, maxEntries?: number): Promise<readonly Delivery[] | null>
  batches(signal: AbortSignal): AsyncIterable<readonly Delivery[]>
  /** Acknowledges. Rejects with TransientError when the store stays away; the entries are then handed out again later. */
  done(ids: readonly string[]): Promise<void>
  /** Could not be processed now: handed out again after its backoff, or a dead letter when it was the last attempt. */
  fail(entry: Delivery, reason: string): Promise<'retry' | 'dead'>
  /** Can never be processed: a dead letter at once. */
  poison(entry: Delivery, reason: string): Promise<void>
  readonly inFlight: number
}

export const DEFAULT_MAX_BATCH_BYTES = 16 * 1024 * 1024
const MAX_BLOCK_MS = 1_000
const TRIM_EVERY_MS = 10_000
const STORE_BACKOFF: BackoffOptions = { initialMs: 100, maxMs: 5_000 }
/** How long after an abort an answer of the store is still waited for: long enough for one that is on its way. */
const ABORT_GRACE_MS = 1_500
/** How long `done`, `fail` and `poison` wait for a store that is away. */
const FINISH_TIMEOUT_MS = 30_000
/**
 * A crash or a stop in the middle is a delivery without an outcome. That is not the entry's fault until it has happened this
 * often beyond the allowed failures: then the entry is what kills us, and it becomes a dead letter unprocessed.
 */
const DELIVERIES_WITHOUT_OUTCOME = 5

export const createConsumer = (options: ConsumerOptions): Consumer => new StreamConsumer(options)

class StreamConsumer implements Consumer {
  readonly #options: ConsumerOptions
  readonly #reader: Reader
  readonly #inFlight: InFlight
  readonly #recovery: Recovery
  readonly #size: BatchSize
  #nextTrim = 0
  #hasGroup = false

  constructor(options: ConsumerOptions) {
    const { log, stream, group, consumer, retry, abandonedAfterMs = ABANDONED_AFTER_MS } = options
    this.#options = options
    this.#reader = { stream, group, consumer }
    this.#size = new BatchSize(options.maxBatchBytes ?? DEFAULT_MAX_BATCH_BYTES)
    this.#inFlight = new InFlight({
      log,
      reader: this.#reader,
      touchEveryMs: abandonedAfterMs / 4,
      onError: (error) => options.onStoreError?.(error, 0),
    })
    this.#recovery = new Recovery({
      log,
      reader: this.#reader,
      retry,
      abandonedAfterMs,
      isInFlight: (id) => this.#inFlight.has(id),
    })
  }

  get inFlight(): number {
    return this.#inFlight.size
  }

  async next(
    signal: AbortSignal,
    maxEntries: number = this.#options.batchSize,
  ): Promise<readonly Delivery[] | null> {
    for (let failures = 0; !signal.aborted;) {
      try {
        const taking = this.#take(this.#size.entries(maxEntries), signal)
        const batch = await this.#accept(await endingSoonAfter(signal, taking))
        if (batch.length > 0) return batch
        failures = 0
      } catch (error) {
        await this.#waitOut(error, ++failures, signal)
      }
    }
    return null
  }

  async *batches(signal: AbortSignal): AsyncIterable<readonly Delivery[]> {
    for (let batch = await this.next(signal); batch !== null; batch = await this.next(signal)) yield batch
  }

  async done(ids: readonly string[]): Promise<void> {
    try {
      const count = await this.#ack(ids)
      if (count > 0) this.#options.onAcknowledge?.(count)
    } finally {
      this.#inFlight.remove(ids)
    }
  }

  async fail(entry: Delivery, reason: string): Promise<'retry' | 'dead'> {
    if (entry.deliveries >= this.#options.maxDeliveries) {
      await this.poison(entry, reason)
      return 'dead'
    }
    try {
      // Backoff counts from here, not from the delivery.
      await this.#insist(() => this.#options.log.touch(this.#reader, [entry.id]))
    } finally {
      this.#inFlight.remove([entry.id])
    }
    return 'retry'
  }

  async poison(entry: Delivery, reason: string): Promise<void> {
    const {
      log,
      deadLetterStream,
      letter: toFields = letterFields,
      onDeadLetter,
      onAcknowledge,
    } = this.#options
    const { stream, group, consumer } = this.#reader
    const letter: Letter = {
      id: entry.id,
      fields: entry.fields,
      reason,
      attempts: entry.deliveries,
      firstAt: appendedAt(entry.id),
      lastAt: new Date(),
      stream,
      group,
      consumer,
    }
    const to = { stream: deadLetterStream, fields: toFields(letter) }
    try {
      await this.#insist(() => log.deadLetter({ stream, group, id: entry.id }, to))
    } finally {
      this.#inFlight.remove([entry.id])
    }
    onAcknowledge?.(1)
    onDeadLetter?.(letter)
  }

  async #take(maxEntries: number, signal: AbortSignal): Promise<readonly Entry[]> {
    const { log, onClaim } = this.#options
    if (!this.#hasGroup) await log.ensureGroup(this.#reader.stream, this.#reader.group)
    this.#hasGroup = true
    await this.#trimWhenDue()
    if (this.#recovery.dueInMs <= 0) {
      const recovered = await this.#recovery.take(maxEntries)
      if (recovered !== null) {
        onClaim?.(recovered.kind, recovered.entries.length)
        return recovered.entries
      }
    }
    const blockMs = Math.min(MAX_BLOCK_MS, Math.max(1, Math.ceil(this.#recovery.dueInMs)))
    return log.read(this.#reader, { maxEntries, blockMs, signal })
  }

  /** From here on they are in flight, unless they cannot be handed out after all: then they come again. */
  async #accept(entries: readonly Entry[]): Promise<readonly Delivery[]> {
    const ids = entries.map((entry) => entry.id)
    this.#inFlight.add(ids)
    try {
      return await this.#sift(entries)
    } catch (error) {
      this.#inFlight.remove(ids)
      throw error
    }
  }

  /** Finishes those that nobody can process, returns the others. */
  async #sift(entries: readonly Entry[]): Promise<readonly Delivery[]> {
    const vanished = entries.filter((entry) => entry.fields === null).map((entry) => entry.id)
    if (vanished.length > 0) {
      await this.#ack(vanished)
      this.#inFlight.remove(vanished)
      this.#options.onVanished?.(vanished.length)
    }
    const deliveries = entries.flatMap(({ fields, ...entry }) =>
      fields === null ? [] : [{ ...entry, fields }],
    )
    this.#size.observe(deliveries)
    const limit = this.#options.maxDeliveries + DELIVERIES_WITHOUT_OUTCOME
    const deadly = deliveries.filter((entry) => entry.deliveries > limit)
    for (const entry of deadly) await this.poison(entry, 'delivered too often without an outcome')
    const handedOut =
      deadly.length === 0 ? deliveries : deliveries.filter((entry) => entry.deliveries <= limit)
    this.#tellDeliveries(handedOut)
    return handedOut
  }

  #tellDeliveries(entries: readonly Delivery[]): void {
    const first = entries.reduce((count, { deliveries }) => (deliveries === 1 ? count + 1 : count), 0)
    if (first > 0) this.#options.onDeliver?.('first', first)
    if (first < entries.length) this.#options.onDeliver?.('again', entries.length - first)
  }

  #ack(ids: readonly string[]): Promise<number> {
    return this.#insist(() => this.#options.log.ack(this.#reader.stream, this.#reader.group, ids))
  }

  async #trimWhenDue(): Promise<void> {
    if (performance.now() < this.#nextTrim) return
    this.#nextTrim = performance.now() + TRIM_EVERY_MS
    const removed = await this.#options.log.trim(this.#reader.stream)
    if (removed > 0) this.#options.onTrim?.(removed)
  }

  async #waitOut(error: unknown, failures: number, signal?: AbortSignal): Promise<void> {
    if (!(error instanceof TransientError)) throw error
    const delayMs = jitter(backoffMs(failures, STORE_BACKOFF))
    this.#options.onStoreError?.(error, delayMs)
    await sleep(delayMs, signal)
  }

  /** Tries again while the store is away. Not tied to a signal: finishing is what a stop waits for. */
  async #insist<T>(run: () => Promise<T>): Promise<T> {
    const deadline = performance.now() + FINISH_TIMEOUT_MS
    for (let failures = 0; ;) {
      try {
        return await run()
      } catch (error) {
        if (performance.now() >= deadline) throw error
        await this.#waitOut(error, ++failures)
      }
    }
  }
}

/**
 * What `taking` gives, or nothing when it takes too long after an abort (a store that is away). Entries that come later are
 * pending for this consumer, who meets them again at its next start.
 */
const endingSoonAfter = async (
  signal: AbortSignal,
  taking: Promise<readonly Entry[]>,
): Promise<readonly Entry[]> => {
  const taken = new AbortController()
  const givenUp = async (): Promise<readonly Entry[]> => {
    await new Promise<void>((resolve) => {
      if (signal.aborted) return resolve()
      const { signal: settled } = taken
      signal.addEventListener('abort', () => resolve(), { once: true, signal: settled })
      settled.addEventListener('abort', () => resolve(), { once: true })
    })
    await sleep(ABORT_GRACE_MS, taken.signal)
    return []
  }
  try {
    return await Promise.race([taking, givenUp()])
  } finally {
    taken.abort()
    taking.catch(() => undefined)
  }
}
