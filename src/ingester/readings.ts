/** What the ingester's metrics read when they are asked for: lengths from the store, ages from the upstreams. */
import { LIST_REPOS_DONE } from '../event/streams.ts'
import type { Batcher } from './batcher.ts'
import type { Levels } from './levels.ts'
import type { Readings } from './metric-words.ts'
import type { Upstream } from './upstream.ts'

export const readingsOf = (
  levels: Levels,
  upstreams: readonly Upstream[],
  batchers: ReadonlySet<Batcher>,
): Readings => {
  const firehoses = upstreams.filter(({ kind }) => kind === 'firehose')
  const listings = upstreams.filter(({ kind }) => kind === 'repos')
  const all = () => [...batchers]
  return {
    length: async (stream) => (await levels.of(stream).stats()).length,
    oldestAgeSeconds: async (stream) => (await levels.of(stream).stats()).oldestAgeMs / 1000,
    backpressureActive: () => (levels.all.some(({ waiting }) => waiting > 0) ? 1 : 0),
    eventsInMemory: () => sum(all().map(({ entries }) => entries)),
    bytesInMemory: () => sum(all().map(({ bytes }) => bytes)),
    secondsSinceLastFrame: () =>
      oldest(firehoses, ({ lastDataMs, startedAtMs }) => lastDataMs ?? startedAtMs),
    cursorAgeSeconds: () =>
      oldest(firehoses, ({ cursorSavedMs, startedAtMs }) => cursorSavedMs ?? startedAtMs),
    lastEventTimeSeconds: () => {
      const times = firehoses.flatMap(({ lastEventMs }) => lastEventMs ?? [])
      return times.length === 0 ? 0 : Math.min(...times) / 1000
    },
    backfillComplete: () =>
      listings.length > 0 && listings.every(({ cursor }) => cursor === LIST_REPOS_DONE) ? 1 : 0,
  }
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** The age in seconds of the upstream that waits longest; 0 without upstreams. */
const oldest = (upstreams: readonly Upstream[], timeMs: (upstream: Upstream) => number): number =>
  Math.max(0, ...upstreams.map((upstream) => (Date.now() - timeMs(upstream)) / 1000))
