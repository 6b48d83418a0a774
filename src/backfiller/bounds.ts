/** What a backfiller holds at most: readers of streams, and bytes of repos, entries and memories. */
import { DEFAULT_MAX_BATCH_BYTES } from '../stream/consumer.ts'
import { BACKFILLER_DEFAULTS, type BackfillerOptions } from './options.ts'
import { MAX_RECORD_BYTES } from './output.ts'

/** DIDs whose PDS and key are remembered. */
export const REMEMBERED_IDENTITIES = 5_000
/** A DID, a host, a key and their place in a map. */
const BYTES_PER_IDENTITY = 512

export const backfillerBounds = (
  options: Pick<BackfillerOptions, 'concurrency' | 'memoryBytes' | 'batchBytes'>,
) => {
  const { concurrency, memoryBytes, batchBytes } = { ...BACKFILLER_DEFAULTS, ...options }
  return {
    redisReaders: 1,
    bytes: {
      repos: memoryBytes,
      repoAppends: concurrency * (batchBytes + MAX_RECORD_BYTES),
      repoIntake: DEFAULT_MAX_BATCH_BYTES,
      identities: REMEMBERED_IDENTITIES * BYTES_PER_IDENTITY,
    },
  }
}
