/**
 * The indexer's loop over one stream: take entries, decode them, write them in batches side by side (lanes.ts), acknowledge. Guarantees that an entry is
 * acknowledged only after its rows are committed; that an entry nobody can read, or that PostgreSQL refuses by itself, is put
 * aside as a dead letter and never fails its neighbours; that an outage of PostgreSQL holds the batch and tries it again.
 */
import { backoffMs, jitter, sleep } from '../lib/backoff.ts'
import { describeError, TransientError } from '../lib/errors.ts'
import { retryLevel, type Logger } from '../lib/logger.ts'
import type { Service } from '../lib/service.ts'
import { isDataError } from '../db/sql-error.ts'
import type { Poison } from '../event/codec.ts'
import type { Consumer, Delivery } from '../stream/consumer.ts'
import type { Fields } from '../stream/log.ts'
import type { EntryAccount } from './entry-account.ts'
import { LANES, Lanes } from './lanes.ts'
import type { IndexerMetrics } from './metrics.ts'

export type LoopOptions<T> = {
  readonly name: string
  readonly consumer: Consumer
  readonly decode: (fields: Fields) => T | Poison
  /** Entries of one key are written in their order. */
  readonly keyOf: (value: T) => string
  /** Most entries written at once. */
  readonly batchSize: number
  /** Writes decoded entries, all or nothing; rejects with TransientError when it may be tried again. */
  readonly write: (items: readonly Item<T>[]) => Promise<void>
  /** Accounts for every entry. */
  readonly account: EntryAccount
  readonly metrics: IndexerMetrics
  readonly logger: Logger
  readonly onBusy: (by: 1 | -1) => void
  /** A store is away, in words; told again with every attempt. */
  readonly onOutage: (what: string, todo: string) => void
  /** Something an operator should know, in words. */
  readonly onProblem: (what: string, todo: string) => void
  /** A batch was committed. */
  readonly onProgress: () => void
}

export type Item<T> = { readonly entry: Delivery; readonly value: T }

/** The work of one run. */
type Work<T> = LoopOptions<T> & { readonly signal: AbortSignal }

const RETRY = { initialMs: 200, maxMs: 30_000 }

/** Reads of a stream in hand at once: while its lanes write all they may, as much waits for them. */
export const READS = 2 * LANES
export const MAX_READ_BYTES = 8 * 1024 * 1024

export const createLoop = <T extends object>(options: LoopOptions<T>): Service => ({
  name: options.name,
  run: async (signal) => {
    const work: Work<T> = { ...options, signal }
    const failed = new AbortController()
    const lanes = new Lanes<Item<T>>({
      keyOf: ({ value }) => options.keyOf(value),
      size: options.batchSize,
      work: (batch) => handleBatch(work, batch),
    })
    const reads = new Set<Promise<void>>()
    for await (const read of options.consumer.batches(AbortSignal.any([signal, failed.signal]))) {
      const end = accountFor(options.account, read, async () => lanes.run(await readable(work, read)))
        .catch((error: unknown) => failed.abort(error))
        .finally(() => reads.delete(end))
      reads.add(end)
      if (reads.size >= READS) await Promise.race(reads)
    }
    await Promise.all(reads)
    if (failed.signal.aborted) throw failed.signal.reason
  },
})

const accountFor = async (
  account: EntryAccount,
  read: readonly Delivery[],
  work: () => Promise<void>,
): Promise<void> => {
  account.open(read)
  try {
    await work()
  } catch (error) {
    account.leave(read)
    throw error
  } finally {
    account.close(read)
  }
}

/** The entries decoded; those that nobody can read become dead letters. */
const readable = async <T extends object>(
  work: Work<T>,
  read: readonly Delivery[],
): Promise<readonly Item<T>[]> => {
  const items: Item<T>[] = []
  for (const entry of read) {
    const value = work.decode(entry.fields)
    if ('poison' in value) await setAside(work, entry, value.poison, value.poison)
    else items.push({ entry, value })
  }
  return items
}

const handleBatch = async <T extends object>(work: Work<T>, batch: readonly Item<T>[]): Promise<void> => {
  const { consumer, metrics } = work
  work.onBusy(1)
  const startedMs = performance.now()
  const written = await writeItems(work, batch).finally(() => work.onBusy(-1))
  metrics.batchSeconds.observe((performance.now() - startedMs) / 1_000)
  metrics.batchEntries.observe(batch.length)
  if (written.length === 0) return
  work.onProgress()
  const entries = written.map(({ entry }) => entry)
  const isDone = await finish(work, () => consumer.done(entries.map(({ id }) => id)))
  work.account.settle(entries, isDone ? 'committed' : 'left_pending')
}

/** Resolves with false for entries that cannot be taken off the stream now: they come again, and change nothing then. */
const finish = async <T>(options: LoopOptions<T>, end: () => Promise<void>): Promise<boolean> => {
  try {
    await end()
    return true
  } catch (error) {
    if (!(error instanceof TransientError)) throw error
    options.metrics.ackFailures.inc()
    options.metrics.errors.inc()
    options.logger.warn(
      { err: describeError(error) },
      `${options.name}: an acknowledgement failed; the entries will come again`,
    )
    return false
  }
}

/** Writes, and when PostgreSQL refuses for good, narrows down to the entry that is at fault. */
const writeItems = async <T>(work: Work<T>, items: readonly Item<T>[]): Promise<readonly Item<T>[]> => {
  if (items.length === 0) return []
  try {
    if (await persist(work, () => work.write(items))) return items
    work.account.settle(
      items.map(({ entry }) => entry),
      'left_pending',
    )
    return []
  } catch (error) {
    if (!isDataError(error)) throw error
    const [only] = items
    if (items.length > 1) {
      const half = Math.ceil(items.length / 2)
      const left = await writeItems(work, items.slice(0, half))
      const right = await writeItems(work, items.slice(half))
      return [...left, ...right]
    }
    if (only) await setAside(work, only.entry, 'refused', describeError(error))
    return []
  }
}

const AWAY = 'PostgreSQL is away'

/** Repeats what fails transiently, until it succeeds or the service is stopped (false: what is unfinished stays pending). */
const persist = async <T>({ signal, ...options }: Work<T>, write: () => Promise<void>): Promise<boolean> => {
  for (let attempt = 1; ; attempt++) {
    try {
      await write()
      return true
    } catch (error) {
      if (!(error instanceof TransientError)) throw error
      options.metrics.unexpectedErrors.inc()
      options.metrics.errors.inc()
      const delayMs = jitter(backoffMs(attempt, RETRY))
      options.logger[retryLevel(delayMs)](
        { err: describeError(error), attempt },
        `${options.name}: ${AWAY}, trying again`,
      )
      options.onOutage(
        `${AWAY}: ${describeError(error)}`,
        'Nothing is lost; indexing goes on when it is back.',
      )
      if (signal.aborted) return false
      await sleep(delayMs, signal)
    }
  }
}

const setAside = async <T>(
  options: Work<T>,
  entry: Delivery,
  reason: Parameters<IndexerMetrics['poisoned']['inc']>[0]['reason'],
  detail: string,
): Promise<void> => {
  options.metrics.poisoned.inc({ reason })
  options.metrics.errors.inc()
  if (reason === 'refused') {
    options.metrics.unexpectedErrors.inc()
    options.metrics.recordsFailed.inc()
  } else options.metrics.expectedErrors.inc()
  options.onProblem(
    `An entry of ${options.name} cannot be indexed (${detail}) and was put aside.`,
    'See the stream of the same name ending in _dlq: each letter holds the entry and the reason.',
  )
  const isDone = await finish(options, () => options.consumer.poison(entry, detail))
  options.account.settle([entry], isDone ? 'dead_lettered' : 'left_pending')
}
