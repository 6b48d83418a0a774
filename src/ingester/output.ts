/**
 * The only way into the streams. Guarantees: what is handed over is repeated until it is durable, in order, and never dropped
 * while the process lives; a stream at its mark makes the caller wait. Only the deadline of a stop ends the trying, and then
 * the cursor has not moved either: the next start reads the same again.
 */
import { backoffMs, jitter, sleep, type BackoffOptions } from '../lib/backoff.ts'
import { TransientError, describeError } from '../lib/errors.ts'
import { retryLevel, type Logger } from '../lib/logger.ts'
import type { Checkpoint, Fields, Log } from '../stream/log.ts'
import type { OutputStream } from './metric-words.ts'
import type { StreamLevel } from './level.ts'
import type { IngesterMetrics } from './metrics.ts'

/** When to stop taking in, and when to stop trying to write: the second comes some seconds after the first. */
export type Life = { readonly stop: AbortSignal; readonly deadline: AbortSignal }

export type Write = {
  readonly stream: OutputStream
  readonly entries: readonly Fields[]
  /** Payload of the entries. */
  readonly bytes: number
  readonly checkpoint?: Checkpoint
}

/** For entries whose size nobody has measured yet. */
export const payloadBytes = (entries: readonly Fields[]): number =>
  entries.flatMap((fields) => Object.values(fields)).reduce((sum, text) => sum + Buffer.byteLength(text), 0)

export type Task<T> = {
  /** Infinitive, for the log. */
  readonly what: string
  readonly attempt: () => Promise<T>
  readonly until: AbortSignal
  readonly onFailure?: () => void
}

export type OutputOptions = {
  readonly log: Log
  readonly logger: Logger
  readonly metrics: IngesterMetrics
  readonly levels: Readonly<Record<OutputStream, StreamLevel>>
  readonly retry: BackoffOptions
}

export class Output {
  readonly #options: OutputOptions
  #failingSinceMs: number | null = null
  #lastError: string | null = null

  constructor(options: OutputOptions) {
    this.#options = options
  }

  /** Since when the store refuses or is away; null when the last attempt went well. */
  get failingSinceMs(): number | null {
    return this.#failingSinceMs
  }

  get lastError(): string | null {
    return this.#lastError
  }

  /** Waits while the stream is at its mark. A stop ends the waiting: one batch past the mark harms less than reading it twice. */
  async room(stream: OutputStream, life: Life, onWaiting: (waiting: boolean) => void): Promise<void> {
    const level = this.#options.levels[stream]
    await this.insist({
      what: `look at ${stream}`,
      attempt: () => level.waitForRoom(life.stop, onWaiting),
      until: life.stop,
      onFailure: () => this.#countFailure(),
    })
  }

  /** True when durable; false when the deadline of a stop came first. Rejects only when our own state is wrong. */
  async append({ stream, entries, bytes, checkpoint }: Write, life: Life): Promise<boolean> {
    const { log, metrics, levels } = this.#options
    let startedAt = 0
    const done = await this.insist({
      what: `append to ${stream}`,
      attempt: () => {
        startedAt = performance.now()
        return log.append(stream, entries, checkpoint)
      },
      until: life.deadline,
      onFailure: () => this.#countFailure(),
    })
    if (done === null) return false
    metrics.appendSeconds.observe((performance.now() - startedAt) / 1000)
    metrics.batchEntries.observe(entries.length)
    metrics.streamEvents.inc(entries.length)
    metrics.entriesWritten.inc({ stream }, entries.length)
    metrics.writtenBytes.inc({ stream }, bytes)
    levels[stream].added(entries.length)
    return true
  }

  /** Tries until it is done, or null when the signal aborts first. Only TransientErrors are tried again. */
  async insist<T>(task: Task<T>): Promise<{ readonly value: T } | null> {
    for (let failures = 1; ; failures++) {
      try {
        const done = await unlessAborted(task.attempt(), task.until)
        if (done !== null) this.#failingSinceMs = null
        return done
      } catch (error) {
        if (!(error instanceof TransientError)) throw error
        task.onFailure?.()
        await sleep(this.#failed(task.what, error, failures), task.until)
        if (task.until.aborted) return null
      }
    }
  }

  #countFailure(): void {
    const { metrics } = this.#options
    metrics.appendRetries.inc()
    metrics.errors.inc({ type: 'enqueue_failed' })
  }

  #failed(what: string, error: TransientError, failures: number): number {
    const { logger, retry } = this.#options
    const delayMs = Math.max(jitter(backoffMs(failures, retry)), error.retryAfterMs ?? 0)
    this.#failingSinceMs ??= Date.now()
    this.#lastError = describeError(error)
    logger[retryLevel(delayMs)]({ error: this.#lastError, failures, delayMs }, `cannot ${what}, trying again`)
    return delayMs
  }
}

/** Null when the signal aborts before the work ends; the work's own end is then nobody's. */
const unlessAborted = async <T>(
  work: Promise<T>,
  signal: AbortSignal,
): Promise<{ readonly value: T } | null> => {
  work.catch(() => undefined)
  if (signal.aborted) return null
  let onAbort = () => {}
  const aborted = new Promise<null>((resolve) => {
    onAbort = () => resolve(null)
    signal.addEventListener('abort', onAbort, { once: true })
  })
  try {
    return await Promise.race([work.then((value) => ({ value })), aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
