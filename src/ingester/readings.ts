/** What the ingester's metrics read when they are asked for: lengths from the store, ages from the upstreams, queues in memory. */
import { LIST_REPOS_DONE } from '../event/streams.ts'
import { entriesIn } from './batcher.ts'
import type { InHand, Ledgers } from './conservation.ts'
import type { Levels } from './levels.ts'
import type { Readings } from './metric-words.ts'
import type { Upstream } from './upstream.ts'

export type Read = {
  readonly levels: Levels
  readonly upstreams: readonly Upstream[]
  readonly inHand: InHand
  readonly ledgers: Ledgers
}

export const readingsOf = ({ levels, upstreams, inHand, ledgers }: Read): Readings => {
  const { firehose = [], repos = [], labels = [] } = Object.groupBy(upstreams, ({ kind }) => kind)
  const perHost = hostReading([...firehose, ...labels, ...repos])
  const memory = () => inMemory(inHand)
  return {
    length: async (stream) => (await levels.of(stream).stats()).length,
    oldestAgeSeconds: async (stream) => (await levels.of(stream).stats()).oldestAgeMs / 1000,
    backpressureActive: () => (levels.all.some(({ waiting }) => waiting > 0) ? 1 : 0),
    eventsInMemory: () => sum(memory().map(({ entries }) => entries)),
    bytesInMemory: () => sum(memory().map(({ bytes }) => bytes)),
    secondsSinceLastFrame: () => oldest(firehose, ({ lastDataMs, startedAtMs }) => lastDataMs ?? startedAtMs),
    cursorAgeSeconds: () =>
      oldest(firehose, ({ cursorSavedMs, startedAtMs }) => cursorSavedMs ?? startedAtMs),
    lastEventTimeSeconds: () => {
      const times = firehose.flatMap(({ lastEventMs }) => lastEventMs ?? [])
      return times.length === 0 ? 0 : Math.min(...times) / 1000
    },
    backfillComplete: () =>
      repos.length > 0 && repos.every(({ cursor }) => cursor === LIST_REPOS_DONE) ? 1 : 0,
    running: (part) => {
      const loops = { firehose, repos, labels }[part]
      return loops.length > 0 && loops.every(({ running }) => running) ? 1 : 0
    },
    residual: (part) => ledgers[part].residual(),
    highWaterMark: (stream) => levels.output[stream].mark ?? NaN,
    perHost,
  }
}

/** The first upstream of a host speaks for it. Without any host the one series there is says NaN. */
const hostReading = (upstreams: readonly Upstream[]): Readings['perHost'] => {
  const first = new Map(upstreams.toReversed().map((upstream) => [upstream.host, upstream]))
  if (first.size === 0) return () => [{ labels: { host: 'none' }, value: NaN }]
  return (read) => [...first].map(([host, upstream]) => ({ labels: { host }, value: read(upstream) ?? NaN }))
}

const inMemory = ({ firehose, labels, repos }: InHand) => [
  ...[...firehose, ...labels].flatMap(({ batches }) =>
    batches.map((batch) => ({ entries: entriesIn(batch), bytes: batch.bytes })),
  ),
  ...[...repos].map(({ entries, bytes }) => ({ entries: entries.length, bytes })),
]

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** The age in seconds of the upstream that waits longest; 0 without upstreams. */
const oldest = (upstreams: readonly Upstream[], timeMs: (upstream: Upstream) => number): number =>
  Math.max(0, ...upstreams.map((upstream) => (Date.now() - timeMs(upstream)) / 1000))
