/** What an ingester holds at most: bytes of frames, batches, pages and memories. It reads no stream. */
import { BUFFER_BYTES } from '../atproto/subscription.ts'
import { hostsOf, TUNING, type IngesterOptions } from './options.ts'
import { MAX_PAGE_BYTES } from './repos.ts'

/** One being written, one being filled (batcher.ts); the last frame of each may go beyond its bound. */
const BATCHES = 2
/** DID, rev and commit, and their place in a set. */
const BYTES_PER_COMMIT = 256

type Bounded = Pick<IngesterOptions, 'mode' | 'relayHosts' | 'labelerHosts' | 'maxFrameBytes'>

export const ingesterBounds = (options: Bounded) => {
  const { batchBytes, maxFrameBytes, recentCommits } = { ...TUNING, ...options }
  const relays = hostsOf('firehose', options).length
  const sockets = relays + hostsOf('labels', options).length
  return {
    redisReaders: 0,
    bytes: {
      frames: sockets * (BUFFER_BYTES + maxFrameBytes),
      ingesterBatches: sockets * BATCHES * (batchBytes + maxFrameBytes),
      pages: hostsOf('repos', options).length * MAX_PAGE_BYTES,
      recentCommits: relays > 1 ? recentCommits * BYTES_PER_COMMIT : 0,
    },
  }
}
