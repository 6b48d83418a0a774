/** A whole indexer for a test: on an embedded log of its own, and whatever PostgreSQL the test gives it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { encodeEvent, encodeLabels } from '../event/codec.ts'
import type { Label, StreamEvent } from '../event/event.ts'
import { FIREHOSE_LIVE, LABEL_LIVE } from '../event/streams.ts'
import { TransientError } from '../lib/errors.ts'
import { silentLogger } from '../lib/logger.ts'
import { runService, type RunningService } from '../monitoring/testing-running.ts'
import { openEmbeddedLog } from '../stream/embedded/index.ts'
import type { Fields, Log } from '../stream/log.ts'
import { createIndexer, type Indexer } from './index.ts'
import type { IndexerOptions } from './options.ts'

export type TestLog = AsyncDisposable & {
  readonly log: Log
  /** These operations fail as they do while a store is away. */
  readonly away: Set<keyof Log>
  /** How often that has happened. */
  readonly refusals: { count: number }
}

export const openTestLog = async (): Promise<TestLog> => {
  const dataDir = mkdtempSync(join(tmpdir(), 'millrace-indexer-'))
  const real = await openEmbeddedLog({ dataDir })
  const away = new Set<keyof Log>()
  const refusals = { count: 0 }
  const refuse = () => {
    refusals.count += 1
    return Promise.reject(new TransientError('the store is away'))
  }
  const log = new Proxy<Log>(real, {
    get: (_, key) => {
      const value: unknown = Reflect.get(real, key, real)
      if (typeof value !== 'function') return value
      if (away.has(key as keyof Log)) return refuse
      return (value as (...args: unknown[]) => unknown).bind(real)
    },
  })
  return {
    log,
    away,
    refusals,
    [Symbol.asyncDispose]: async () => {
      await real[Symbol.asyncDispose]()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

export type Running = RunningService<Indexer>

export const startIndexer = (
  options: Partial<IndexerOptions> & Pick<IndexerOptions, 'log' | 'pool'>,
): Running => {
  const indexer = createIndexer({
    logger: silentLogger,
    version: '0.0.0',
    mode: 'all',
    group: 'firehose_group',
    consumer: 'one',
    batchSize: 100,
    ...options,
  })
  return runService(indexer)
}

export const append = (log: Log, ...events: StreamEvent[]): Promise<void> =>
  log.append(FIREHOSE_LIVE, events.map(encodeEvent))

export const appendLabels = (log: Log, ...labels: Label[]): Promise<void> =>
  log.append(LABEL_LIVE, [encodeLabels({ seq: 1, labels })])

/** The dead letters of a stream. */
export const letters = async (log: Log, stream = FIREHOSE_LIVE): Promise<readonly Fields[]> =>
  (await log.range(`${stream}_dlq`, { maxEntries: 1_000 })).map(({ fields }) => fields ?? {})

/** Nothing is left in the stream: everything was acknowledged. */
export const isEmpty = async (log: Log, stream = FIREHOSE_LIVE): Promise<boolean> =>
  (await log.range(stream, { maxEntries: 1 })).length === 0
