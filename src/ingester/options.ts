/** What an ingester is made of: facts of the store, upstreams, limits. Units are in the names. */
import type { BackoffOptions } from '../lib/backoff.ts'
import type { Logger } from '../lib/logger.ts'
import type { Log } from '../stream/log.ts'
import { DEFAULT_COLLECTIONS } from './convert.ts'
import type { OutputStream, Part } from './metric-words.ts'
import type { InitialCursor } from './position.ts'

export type IngesterMode = 'all' | 'firehose' | 'backfill' | 'labeler'

export type IngesterOptions = {
  readonly log: Log
  readonly logger: Logger
  readonly version: string
  readonly mode: IngesterMode
  /** `bsky.network`, `https://…` or `http://127.0.0.1:2470`; verbatim in cursor keys. */
  readonly relayHosts: readonly string[]
  readonly labelerHosts: readonly string[]
  /** The embedded log was left by an unclean stop and has been recovered: counted once. */
  readonly storeRecovered?: boolean
} & Partial<IngesterTuning>

export type IngesterTuning = {
  readonly collections: readonly string[]
  /** Where to begin at an upstream without a saved cursor. */
  readonly initialCursor: InitialCursor
  /** Length of each stream at which its parts stop pulling. */
  readonly highWaterMarks: Readonly<Record<OutputStream, number>>
  readonly batchEntries: number
  readonly batchBytes: number
  readonly batchTimeoutMs: number
  readonly maxFrameBytes: number
  /** Without a data frame for so long, a firehose is connected anew. */
  readonly idleTimeoutMs: number
  /** The same for labelers, which may rightly be silent for minutes. */
  readonly labelIdleTimeoutMs: number
  /** Between connections. */
  readonly reconnect: BackoffOptions
  /** Between attempts on the store. */
  readonly storeRetry: BackoffOptions
  /** Between attempts on a page of listRepos. */
  readonly fetchRetry: BackoffOptions
  readonly fetchTimeoutMs: number
  /** How often a part that waits for room looks at its stream. */
  readonly roomCheckMs: number
  /** A cursor that moves without entries is saved at most this often. */
  readonly idleSaveMs: number
  /** A finished listing looks this often whether it has been reset. */
  readonly doneRecheckMs: number
  /** What a stop may take to make the batches in hand durable. */
  readonly stopDeadlineMs: number
  /** Commits remembered to recognise the copies of other relays. */
  readonly recentCommits: number
}

export const TUNING: IngesterTuning = {
  collections: DEFAULT_COLLECTIONS,
  initialCursor: 0,
  highWaterMarks: { firehose_live: 100_000, repo_backfill: 100_000, label_live: 100_000 },
  batchEntries: 500,
  batchBytes: 4 * 1024 * 1024,
  batchTimeoutMs: 100,
  maxFrameBytes: 5 * 1024 * 1024,
  idleTimeoutMs: 30_000,
  labelIdleTimeoutMs: 10 * 60_000,
  reconnect: { initialMs: 1_000, maxMs: 60_000 },
  storeRetry: { initialMs: 100, maxMs: 10_000 },
  fetchRetry: { initialMs: 2_000, maxMs: 60_000 },
  fetchTimeoutMs: 30_000,
  roomCheckMs: 500,
  idleSaveMs: 1_000,
  doneRecheckMs: 5 * 60_000,
  stopDeadlineMs: 10_000,
  recentCommits: 50_000,
}

export type Settings = IngesterOptions & IngesterTuning

/** An option that is present but undefined means its default, too. */
export const settingsOf = (options: IngesterOptions): Settings => {
  const given = Object.entries(options).filter(([, value]) => value !== undefined)
  return { ...TUNING, ...(Object.fromEntries(given) as unknown as IngesterOptions) }
}

const PARTS_BY_MODE: Readonly<Record<IngesterMode, readonly Part[]>> = {
  all: ['firehose', 'repos', 'labels'],
  firehose: ['firehose'],
  backfill: ['repos'],
  labeler: ['labels'],
}

export const hostsOf = (
  part: Part,
  options: Pick<IngesterOptions, 'mode' | 'relayHosts' | 'labelerHosts'>,
): readonly string[] => {
  if (!PARTS_BY_MODE[options.mode].includes(part)) return []
  return [...new Set(part === 'labels' ? options.labelerHosts : options.relayHosts)]
}
