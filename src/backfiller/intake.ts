/**
 * The input stream as the backfiller uses it: the shared consumer, with letters for the dead that say what rsky's say (`repo`,
 * `reason`, `attempts`) and, beyond that, the error.
 */
import { describeError } from '../lib/errors.ts'
import { retryLevel } from '../lib/logger.ts'
import { createConsumer, type Delivery, type Letter } from '../stream/consumer.ts'
import { letterFields } from '../stream/dead-letter.ts'
import type { Fields } from '../stream/log.ts'
import { withoutMark } from './hold.ts'
import type { Settings } from './options.ts'
import type { InputReports } from './streams.ts'

export interface Intake {
  /** Entries to work on now, at most `max`; null once the signal has aborted. */
  next(max: number, signal: AbortSignal): Promise<readonly Delivery[] | null>
  /** The work is done: acknowledge. */
  done(entry: Delivery): Promise<void>
  /** Try again after the backoff that its deliveries call for, or set it aside when they are used up. */
  fail(entry: Delivery, reason: string, error: string): Promise<'retry' | 'dead'>
  /** As `fail`, but there are no more attempts. */
  giveUp(entry: Delivery, reason: string, error: string): Promise<void>
  /** Set aside now. */
  bury(entry: Delivery, reason: string, error: string): Promise<void>
}

/** rsky's one reason for a dead letter; which failure it was is in `error`. */
const EXHAUSTED = 'max_retries_exceeded'

export type IntakeReports = InputReports & { readonly onDeadLetter: () => void }

export const openIntake = (settings: Settings, reports: IntakeReports): Intake => {
  const { logger, retryInitialMs, retryMaxMs } = settings
  const errors = new Map<string, string>()
  const consumer = createConsumer({
    log: settings.log,
    stream: settings.inputStream,
    group: settings.group,
    consumer: settings.consumer,
    batchSize: settings.batchSize,
    retry: { initialMs: retryInitialMs, maxMs: retryMaxMs },
    maxDeliveries: settings.maxRetries,
    deadLetterStream: settings.deadLetterStream,
    letter: (letter) => letterOf(letter, errors.get(letter.id)),
    ...reports,
    onStoreError: (error, retryInMs) =>
      logger[retryLevel(retryInMs)]({ retryInMs }, `the store is away: ${describeError(error)}`),
  })
  const explained = async <T>(entry: Delivery, error: string, step: () => Promise<T>): Promise<T> => {
    errors.set(entry.id, error)
    try {
      return await step()
    } finally {
      errors.delete(entry.id)
    }
  }
  return {
    next: (max, signal) => consumer.next(signal, max),
    done: ({ id }) => consumer.done([id]),
    fail: (entry, reason, error) =>
      explained(entry, `${reason}: ${error}`, () => consumer.fail(entry, EXHAUSTED)),
    giveUp: (entry, reason, error) =>
      explained(entry, `${reason}: ${error}`, () => consumer.poison(entry, EXHAUSTED)),
    bury: (entry, reason, error) => explained(entry, error, () => consumer.poison(entry, reason)),
  }
}

/** Without an error of ours the consumer gave up by itself, and its reason is a sentence. */
const letterOf = (letter: Letter, error: string | undefined): Fields => {
  const fields = letterFields({ ...letter, fields: withoutMark(letter.fields) })
  return error === undefined ? { ...fields, reason: EXHAUSTED, error: letter.reason } : { ...fields, error }
}
