/**
 * The way out: a verified repo into the output stream, chunk by chunk, each waiting for the stream to have room. Guarantees
 * that the `repo` event follows the last record and that nothing is counted before it is durable. A store that is away is
 * waited for; what is held meanwhile is bounded by whoever calls.
 */
import type { PassedOver, VerifiedRepo } from '../atproto/repo.ts'
import { encodeEvent, type EntryFields } from '../event/codec.ts'
import { backoffMs, jitter, sleep } from '../lib/backoff.ts'
import { describeError, TransientError } from '../lib/errors.ts'
import { retryLevel, type Logger } from '../lib/logger.ts'
import type { Log } from '../stream/log.ts'
import type { Accounts, Held, RecordEnd } from './accounts.ts'
import { asRepoFailure } from './classify.ts'
import { CHUNK_DROPS, chunksOf, repoEventOf, type Chunk, type Snapshot } from './convert.ts'
import type { BackfillerMetrics } from './metrics.ts'
import type { Settings } from './options.ts'
import type { OutputGate } from './output-gate.ts'

export type OutputContext = {
  readonly log: Pick<Log, 'append'>
  readonly logger: Logger
  readonly settings: Settings
  readonly metrics: BackfillerMetrics
  readonly accounts: Accounts
  readonly gate: OutputGate
  readonly stop: AbortSignal
  readonly abandon: AbortSignal
}

/** Work was left unfinished because of a stop. Its entry stays pending. */
export class Abandoned extends Error {
  override readonly name = 'Abandoned'
}

/** The protocol allows a record of 1 MB of CBOR, which JSON may double or so. */
export const MAX_RECORD_BYTES = 4 * 1024 * 1024

/** Resolves with the number of records written. Rejects with RepoFailure (unexpected) or Abandoned. */
export const writeRepo = async (
  snapshot: Snapshot,
  repo: VerifiedRepo,
  context: OutputContext,
): Promise<number> => {
  const held = context.accounts.records.hold(repo.keys)
  try {
    return await writeHeld(snapshot, repo, held, context)
  } catch (error) {
    held.end('abandoned', held.left)
    throw error
  } finally {
    held.close()
  }
}

const writeHeld = async (
  snapshot: Snapshot,
  repo: VerifiedRepo,
  held: Held<RecordEnd>,
  context: OutputContext,
): Promise<number> => {
  const { settings, metrics } = context
  const limits = {
    maxEntries: settings.batchSize,
    maxBytes: settings.batchBytes,
    maxRecordBytes: MAX_RECORD_BYTES,
  }
  const chunks = chunksOf(snapshot, repo.records, limits)
  let written = 0
  for (let chunk = nextChunk(chunks); chunk !== null; chunk = nextChunk(chunks)) {
    await write(chunk.entries, context)
    written += chunk.entries.length
    countChunk(chunk, held, metrics)
  }
  await write([encodeEvent(repoEventOf(snapshot))], context)
  countPassed(repo.passed, held, metrics)
  return written
}

const countChunk = ({ entries, dropped }: Chunk, held: Held<RecordEnd>, metrics: BackfillerMetrics): void => {
  metrics.extracted.inc(entries.length)
  held.end('extracted', entries.length)
  for (const reason of CHUNK_DROPS) {
    metrics.recordsDropped.inc({ reason }, dropped[reason])
    held.end('dropped', dropped[reason])
  }
}

const countPassed = (passed: PassedOver, held: Held<RecordEnd>, metrics: BackfillerMetrics): void => {
  const { filtered, invalid_path, bad_record } = passed
  metrics.filtered.inc(filtered)
  held.end('filtered', filtered)
  metrics.recordsDropped.inc({ reason: 'invalid_path' }, invalid_path)
  metrics.recordsDropped.inc({ reason: 'invalid_record' }, bad_record)
  held.end('dropped', invalid_path + bad_record)
}

/** One repo's bytes must never be able to end the process. */
const nextChunk = (chunks: Generator<Chunk>): Chunk | null => {
  try {
    const next: IteratorResult<Chunk, unknown> = chunks.next()
    return next.done === true ? null : next.value
  } catch (error) {
    throw asRepoFailure(error)
  }
}

/** When there is room, and not before. */
export const write = async (entries: readonly EntryFields[], context: OutputContext): Promise<void> => {
  if (entries.length === 0) return
  const { gate, stop, settings } = context
  await gate.pass(entries.length, stop)
  if (gate.active) throw new Abandoned('stopped while the output stream was full')
  await appendSurely(settings.outputStream, entries, context)
}

/** Tries until the store takes it. */
export const appendSurely = async (
  stream: string,
  entries: readonly EntryFields[],
  { log, logger, metrics, abandon }: Omit<OutputContext, 'gate'>,
): Promise<void> => {
  for (let attempt = 1; ; attempt++) {
    if (abandon.aborted) throw new Abandoned('stopped before an append')
    try {
      return await log.append(stream, entries)
    } catch (error) {
      if (!(error instanceof TransientError)) throw error
      const delayMs = jitter(backoffMs(attempt, STORE_BACKOFF))
      metrics.storeRetries.inc()
      logger[retryLevel(delayMs)]({ stream, delayMs }, `the store takes no entries: ${describeError(error)}`)
      await sleep(delayMs, abandon)
    }
  }
}

const STORE_BACKOFF = { initialMs: 200, maxMs: 30_000 }
