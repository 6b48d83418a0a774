/**
 * The input stream as the backfiller uses it: entries one by one, each with a life of its own. Owns what is in hand: it is kept
 * from other consumers while it is worked on, and comes back after a backoff by its delivery count when it failed. Since only
 * the store counts deliveries, attempts and backoff survive a restart. Refuses to know what an entry means.
 */
import { backoffMs, jitter, sleep } from '../lib/backoff.ts'
import { describeError, TransientError } from '../lib/errors.ts'
import { retryLevel } from '../lib/logger.ts'
import type { Entry, Fields, PendingEntry, Reader } from '../stream/log.ts'
import type { Settings } from './options.ts'
import type { Intake } from './work.ts'

export interface RunningIntake extends Intake {
  /** Entries to work on now, at most `max`; empty when none came for a second or the signal aborted. */
  next(max: number, signal: AbortSignal): Promise<readonly Entry[]>
  /** What is still in hand stays pending. */
  close(): Promise<void>
}

/** Entries of a consumer that has not shown itself for so long are taken over. */
const ABANDONED_MS = 300_000
const TOUCH_MS = 60_000
const BLOCK_MS = 1_000
const PAGE = 500
const STORE_BACKOFF = { initialMs: 200, maxMs: 30_000 }

export const openIntake = async (settings: Settings, signal: AbortSignal): Promise<RunningIntake> => {
  const intake = new LogIntake(settings)
  await intake.surely(() => settings.log.ensureGroup(settings.inputStream, settings.group), signal)
  return intake
}

class LogIntake implements RunningIntake {
  readonly #settings: Settings
  readonly #reader: Reader
  readonly #inHand = new Set<string>()
  readonly #touching: NodeJS.Timeout
  #scannedAt = -Infinity
  #scanAfter: string | undefined

  constructor(settings: Settings) {
    const { inputStream: stream, group, consumer } = settings
    this.#settings = settings
    this.#reader = { stream, group, consumer }
    this.#touching = setInterval(() => void this.#touch(), TOUCH_MS)
    this.#touching.unref()
  }

  async next(max: number, signal: AbortSignal): Promise<readonly Entry[]> {
    const { log } = this.#settings
    const due = await this.surely(() => this.#claimDue(max), signal)
    if (due !== null && due.length > 0) return this.#take(due)
    const read = await this.surely(
      () => log.read(this.#reader, { maxEntries: max, blockMs: BLOCK_MS, signal }),
      signal,
    )
    return this.#take(read ?? [])
  }

  async done({ id }: Entry): Promise<void> {
    const { log, inputStream, group } = this.#settings
    await this.surely(() => log.ack(inputStream, group, [id]))
    this.#inHand.delete(id)
  }

  async fail(entry: Entry, reason: string, error: string): Promise<'pending' | 'dead'> {
    if (entry.deliveries >= this.#settings.maxRetries) {
      await this.bury(entry, 'max_retries_exceeded', `${reason}: ${error}`)
      return 'dead'
    }
    // The backoff counts from the failure, not from the delivery.
    await this.surely(() => this.#settings.log.touch(this.#reader, [entry.id]))
    this.#inHand.delete(entry.id)
    return 'pending'
  }

  async bury({ id, fields, deliveries }: Entry, reason: string, error: string): Promise<void> {
    const { log, inputStream: stream, group, deadLetterStream } = this.#settings
    const letter: Fields = {
      ...fields,
      reason,
      attempts: String(deliveries),
      error,
      first: new Date(Number(id.split('-')[0])).toISOString(),
      last: new Date().toISOString(),
    }
    await this.surely(() =>
      log.deadLetter({ stream, group, id }, { stream: deadLetterStream, fields: letter }),
    )
    this.#inHand.delete(id)
  }

  async close(): Promise<void> {
    clearInterval(this.#touching)
  }

  /** Until the store answers, or the signal aborts (null). */
  async surely<T>(ask: () => Promise<T>, signal?: AbortSignal): Promise<T | null> {
    for (let attempt = 1; signal?.aborted !== true; attempt++) {
      try {
        return await ask()
      } catch (error) {
        if (!(error instanceof TransientError)) throw error
        const delayMs = jitter(backoffMs(attempt, STORE_BACKOFF))
        this.#settings.logger[retryLevel(delayMs)]({ delayMs }, `the store is away: ${describeError(error)}`)
        await sleep(delayMs, signal)
      }
    }
    return null
  }

  #take(entries: readonly Entry[]): readonly Entry[] {
    for (const { id } of entries) this.#inHand.add(id)
    return entries
  }

  async #claimDue(max: number): Promise<readonly Entry[]> {
    const { log, inputStream, group, retryInitialMs } = this.#settings
    if (performance.now() - this.#scannedAt < Math.min(BLOCK_MS, retryInitialMs)) return []
    const options = { minIdleMs: retryInitialMs, maxEntries: PAGE }
    const after = this.#scanAfter
    const page = await log.pending(
      inputStream,
      group,
      after === undefined ? options : { ...options, afterId: after },
    )
    this.#scanAfter = page.length === PAGE ? page.at(-1)?.id : undefined
    if (this.#scanAfter === undefined) this.#scannedAt = performance.now()
    const due = page.filter((entry) => this.#isDue(entry)).slice(0, max)
    if (due.length === 0) return []
    return log.claim(
      this.#reader,
      due.map(({ id }) => id),
      retryInitialMs,
    )
  }

  #isDue({ id, consumer, idleMs, deliveries }: PendingEntry): boolean {
    if (this.#inHand.has(id)) return false
    const { retryInitialMs: initialMs, retryMaxMs: maxMs } = this.#settings
    const mine = consumer === this.#reader.consumer
    return idleMs >= (mine ? backoffMs(deliveries, { initialMs, maxMs }) : ABANDONED_MS)
  }

  async #touch(): Promise<void> {
    const ids = [...this.#inHand]
    if (ids.length === 0) return
    // Missed once, the next one comes in time; an error that lasts shows where it matters.
    await this.#settings.log.touch(this.#reader, ids).catch(() => undefined)
  }
}
