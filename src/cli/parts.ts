/**
 * From settings to services: which setting is which option. Nothing here opens, runs or decides.
 */
import type { Registry } from '@prometheus-io/client'
import { createResolver } from '../atproto/identity.ts'
import { createBackfiller } from '../backfiller/index.ts'
import type { Pool } from '../db/pool.ts'
import { createIndexer } from '../indexer/index.ts'
import { createLookup, type Lookup } from '../indexer/lookup.ts'
import { createIngester } from '../ingester/index.ts'
import type { Service } from '../lib/service.ts'
import type { StatusSource } from '../monitoring/status.ts'
import type { Log } from '../stream/log.ts'
import type { Context } from './context.ts'
import type { Settings } from './config/settings.ts'

export type Part = { readonly service: Service; readonly registry: Registry; readonly status: StatusSource }
export type Needs = Pick<Context, 'settings' | 'logger' | 'version'> & { readonly log: Log }

/** A service leaves work to the next start rather than run into the deadline of the process. */
const graceMs = ({ stopTimeoutMs }: Settings): number => Math.min(10_000, Math.floor(stopTimeoutMs / 2))

export const makeIngester = ({ settings, logger, version, log }: Needs): Part =>
  createIngester({
    log,
    logger: logger.child({ service: 'ingester' }),
    version,
    mode: settings.ingesterMode,
    relayHosts: settings.relayHosts,
    labelerHosts: settings.labelerHosts,
    collections: settings.collections,
    initialCursor: settings.initialCursor,
    highWaterMarks: {
      firehose_live: settings.firehoseHighWaterMark ?? settings.ingesterHighWaterMark,
      repo_backfill: settings.repoHighWaterMark ?? settings.ingesterHighWaterMark,
      label_live: settings.labelHighWaterMark ?? settings.ingesterHighWaterMark,
    },
    batchEntries: settings.ingesterBatchSize,
    batchTimeoutMs: settings.ingesterBatchTimeoutMs,
    maxFrameBytes: settings.maxFrameBytes,
    idleTimeoutMs: settings.ingesterIdleTimeoutMs,
    labelIdleTimeoutMs: settings.labelIdleTimeoutMs,
    stopDeadlineMs: graceMs(settings),
    storeRecovered: 'recovered' in log && log.recovered === true,
  })

export const makeBackfiller = ({ settings, logger, version, log }: Needs): Part =>
  createBackfiller({
    log,
    logger: logger.child({ service: 'backfiller' }),
    version,
    consumer: settings.backfillerConsumer,
    plcUrl: settings.plcUrl,
    allowHttp: settings.allowHttp,
    inputStream: settings.backfillerInputStream,
    outputStream: settings.backfillerOutputStream,
    deadLetterStream: settings.backfillerDeadLetterStream,
    group: settings.backfillerGroup,
    concurrency: settings.backfillerConcurrency,
    perHostConcurrency: settings.backfillerHostConcurrency,
    batchSize: settings.backfillerBatchSize,
    highWaterMark: settings.backfillerHighWaterMark,
    collections: settings.collections,
    skipSignatureVerification: settings.skipSignatureVerification,
    httpTimeoutMs: settings.backfillerHttpTimeoutMs,
    memoryBytes: settings.backfillerMemoryBytes,
    maxRepoBytes: settings.maxRepoBytes,
    maxRetries: settings.backfillerMaxRetries,
    retryInitialMs: settings.backfillerRetryInitialMs,
    retryMaxMs: settings.backfillerRetryMaxMs,
    stopGraceMs: graceMs(settings),
  })

const LOOKUP_TIMEOUT_MS = 10_000

const makeLookup = ({ plcUrl, handleResolverUrl, allowHttp }: Settings): Lookup => {
  const resolver = createResolver({
    plcUrl,
    timeoutMs: LOOKUP_TIMEOUT_MS,
    allowHttp,
    handleResolverUrl: handleResolverUrl ?? undefined,
  })
  return createLookup(resolver, LOOKUP_TIMEOUT_MS)
}

export const makeIndexer = ({ settings, logger, version, log }: Needs, pool: Pool): Part =>
  createIndexer({
    log,
    pool,
    logger: logger.child({ service: 'indexer' }),
    version,
    mode: settings.indexerMode,
    streams: settings.indexerStreams,
    group: settings.indexerGroup,
    consumer: settings.indexerConsumer,
    batchSize: settings.indexerBatchSize,
    indexUnknown: settings.indexUnknown,
    lookupConcurrency: settings.indexerConcurrency,
    ...(settings.enableDidResolution && { lookup: makeLookup(settings) }),
  })
