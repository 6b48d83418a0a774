/** What a backfiller is given. Everything that has a default has it here; names of settings and environment belong to cli. */
import type { Logger } from '../lib/logger.ts'
import type { Log } from '../stream/log.ts'

export type BackfillerOptions = Readonly<{
  log: Log
  logger: Logger
  version: string
  /** Unique in its group; entries it left behind when it was killed are taken over under any name. */
  consumer: string
  plcUrl: string
  /** Accept plain http and hosts of an inner network as PDS: for a sandbox, never for the open network. */
  allowHttp?: boolean

  inputStream?: string
  outputStream?: string
  deadLetterStream?: string
  group?: string

  /** Repos fetched, verified and written at the same time. */
  concurrency?: number
  /** Of these, from one PDS host. */
  perHostConcurrency?: number
  /** Entries of one append. */
  batchSize?: number
  /** Bytes of one append, as encoded. */
  batchBytes?: number
  /** Length of the output stream at which nothing is taken and nothing is appended. */
  highWaterMark?: number
  /** Selected collections: exact NSIDs and namespaces such as `app.bsky.*`. */
  collections?: readonly string[]
  skipSignatureVerification?: boolean

  /** Until an answer begins and for every silence in it; there is no limit on the whole. */
  httpTimeoutMs?: number
  /** A CAR that comes slower than this, averaged over half a minute of waiting, gives up its place. */
  minBytesPerSecond?: number
  /** The window of `minBytesPerSecond`. */
  slowAfterMs?: number
  /** A repo whose host asks for a longer wait is put back into the stream. */
  hostPatienceMs?: number
  /** A repo whose host gives no answer is put back for so long, all in all, before it is dead-lettered. */
  hostAwayMs?: number
  /** CAR bytes in memory, all repos together. */
  memoryBytes?: number
  /** A larger CAR is dead-lettered. Never more than `memoryBytes`. */
  maxRepoBytes?: number

  /** Deliveries of an entry, the first included, before it is dead-lettered. */
  maxRetries?: number
  retryInitialMs?: number
  retryMaxMs?: number
  /** How long a stop waits for repos in flight before it leaves them to the next start. */
  stopGraceMs?: number
}>

export const BACKFILLER_DEFAULTS = {
  allowHttp: false,
  inputStream: 'repo_backfill',
  outputStream: 'firehose_backfill',
  deadLetterStream: 'repo_backfill_dlq',
  group: 'repo_backfill_group',
  concurrency: 50,
  perHostConcurrency: 8,
  batchSize: 500,
  batchBytes: 1024 * 1024,
  highWaterMark: 500_000,
  collections: ['app.bsky.*', 'chat.bsky.*'] as readonly string[],
  skipSignatureVerification: false,
  httpTimeoutMs: 60_000,
  minBytesPerSecond: 1024,
  slowAfterMs: 30_000,
  hostPatienceMs: 30_000,
  hostAwayMs: 3_600_000,
  memoryBytes: 128 * 1024 * 1024,
  maxRepoBytes: 128 * 1024 * 1024,
  maxRetries: 3,
  retryInitialMs: 1_000,
  retryMaxMs: 30_000,
  stopGraceMs: 10_000,
}

export type Settings = Required<BackfillerOptions>

/** Defaults filled in; what is spelled out as undefined counts as absent. */
export const settingsOf = (options: BackfillerOptions): Settings => {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  const settings = { ...BACKFILLER_DEFAULTS, ...(Object.fromEntries(given) as BackfillerOptions) } as Settings
  return { ...settings, maxRepoBytes: Math.min(settings.maxRepoBytes, settings.memoryBytes) }
}
