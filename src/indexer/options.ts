/** What an indexer is made of; everything arrives here, nothing is read from the environment. */
import { FIREHOSE_BACKFILL, FIREHOSE_LIVE, LABEL_LIVE } from '../event/streams.ts'
import type { Pool } from '../db/pool.ts'
import type { Logger } from '../lib/logger.ts'
import type { Log } from '../stream/log.ts'
import type { Lookup } from './lookup.ts'

export type IndexerMode = 'all' | 'stream' | 'label'

export type IndexerOptions = {
  readonly log: Log
  readonly pool: Pool
  readonly logger: Logger
  readonly version: string
  readonly mode: IndexerMode
  /** Streams of events, by default `firehose_live` and `firehose_backfill`. */
  readonly streams?: readonly string[]
  readonly labelStream?: string
  readonly group: string
  readonly consumer: string
  /** Most entries per transaction. */
  readonly batchSize: number
  /** Bytes of entries per read. */
  readonly maxBatchBytes?: number
  /** After this long an entry that another consumer holds without acknowledging it is taken over. */
  readonly abandonedAfterMs?: number
  /** Keep records of collections that are not known, in table `record` only. */
  readonly indexUnknown?: boolean
  /** Handles and account states are looked up here; without it no actor gets a handle. */
  readonly lookup?: Lookup
  readonly lookupConcurrency?: number
  /** How often, at most, the database is asked about itself. */
  readonly factsEveryMs?: number
}

/** What it reads. */
export const streamsOf = ({
  mode,
  streams = [FIREHOSE_LIVE, FIREHOSE_BACKFILL],
  labelStream = LABEL_LIVE,
}: Pick<IndexerOptions, 'mode' | 'streams' | 'labelStream'>) => ({
  streams: mode === 'label' ? [] : streams,
  labelStreams: mode === 'stream' ? [] : [labelStream],
})
