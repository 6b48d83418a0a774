/** What an indexer holds at most: readers of streams, and bytes of entries and memories. */
import { MAX_READ_BYTES, READS } from './loop.ts'
import { streamsOf, type IndexerOptions } from './options.ts'

/** Accounts remembered as asked about. */
export const RECENT_ACCOUNTS = 200_000
/** A DID of did:plc, its time and its place in a map. */
const BYTES_PER_ACCOUNT = 128

export const indexerBounds = (
  options: Pick<IndexerOptions, 'mode' | 'streams' | 'labelStream' | 'maxBatchBytes'>,
) => {
  const { streams, labelStreams } = streamsOf(options)
  const readers = new Set([...streams, ...labelStreams]).size
  return {
    redisReaders: readers,
    bytes: {
      indexerBatches: readers * READS * (options.maxBatchBytes ?? MAX_READ_BYTES),
      recentAccounts: RECENT_ACCOUNTS * BYTES_PER_ACCOUNT,
    },
  }
}
