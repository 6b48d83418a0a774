/**
 * What a service tells of the streams it reads and of the store they lie in: `stream_*` and `store_*`, declared once for all
 * services. Readings and counts come in from outside; it refuses to know how a store is asked. A figure that is not known is
 * NaN, never 0: its series stays and no comparison with it is true.
 */
import type { Registry } from '@prometheus-io/client'
import { type MetricHandles, type MetricSpec, registerMetrics } from './metrics.ts'

/** One stream as its group sees it; NaN where the store cannot tell or does not answer. */
export type StreamReading = {
  readonly stream: string
  readonly entries: number
  readonly undelivered: number
  readonly pending: number
  readonly oldestEntryAgeSeconds: number
  readonly oldestUndeliveredAgeSeconds: number
  readonly oldestPendingIdleSeconds: number
  readonly pendingDeliveries: number
  readonly consumersActive: number
  readonly consumersAbandoned: number
  readonly deadLetters: number
}

export const STORE_CHECKS = ['eviction', 'persistence', 'memory_limit', 'group_ahead'] as const
export type StoreCheck = (typeof STORE_CHECKS)[number]

export type StoreReading = {
  readonly up: boolean
  readonly usedBytes: number
  /** NaN when there is no limit. */
  readonly capacityBytes: number
  readonly pingSeconds: number
  /** 1 good, 0 bad, NaN unknown. */
  readonly safe: Readonly<Record<StoreCheck, number>>
}

/** Read at scrape time; neither rejects. */
export type StreamReadings = () => Promise<readonly StreamReading[]>
export type StoreReadings = () => Promise<StoreReading>

export const CLAIM_KINDS = ['restart', 'retry', 'abandoned'] as const

/** `streams` is the closed set of names, from the settings; `['none']` on paper. */
export const streamMetrics = (streams: readonly string[], read: StreamReadings) =>
  ({ ...streamGauges(streams, read), ...streamCounters(streams) }) as const

const gaugeOf =
  (streams: readonly string[], read: StreamReadings) =>
  (name: string, help: string, cause: string, value: (reading: StreamReading) => number) =>
    ({
      name,
      type: 'gauge',
      help,
      cause,
      labels: { stream: streams },
      collect: async () =>
        (await read()).map((reading) => ({ labels: { stream: reading.stream }, value: value(reading) })),
    }) as const

const streamGauges = (streams: readonly string[], read: StreamReadings) => {
  const gauge = gaugeOf(streams, read)
  return {
    streamEntries: gauge(
      'stream_entries',
      'Entries stored in the stream, whatever its groups have seen of them; the same number on every replica',
      'entries are appended, or acknowledged and thereby removed',
      ({ entries }) => entries,
    ),
    ...undeliveredGauges(gauge),
    ...pendingGauges(gauge),
    streamOldestAge: gauge(
      'stream_oldest_entry_age_seconds',
      'Age of the oldest entry stored in the stream; 0 when it is empty',
      'entries are appended and not acknowledged',
      ({ oldestEntryAgeSeconds }) => oldestEntryAgeSeconds,
    ),
    streamDeadLetters: gauge(
      'stream_dead_letters',
      'Entries in the dead-letter stream that belongs to the stream',
      'an entry is given up, or somebody replays or removes dead letters',
      ({ deadLetters }) => deadLetters,
    ),
    streamConsumers: {
      name: 'stream_consumers',
      type: 'gauge',
      help: 'Consumers of the group: abandoned ones hold pending entries and have not been heard of for 5 minutes, active ones have been heard of within 5 minutes; idle ones without pending entries count as neither',
      cause: 'a consumer reads, or stops reading and leaves pending entries behind',
      labels: { stream: streams, state: ['active', 'abandoned'] },
      collect: async () =>
        (await read()).flatMap(({ stream, consumersActive, consumersAbandoned }) => [
          { labels: { stream, state: 'active' }, value: consumersActive },
          { labels: { stream, state: 'abandoned' }, value: consumersAbandoned },
        ]),
    },
  } as const satisfies Record<string, MetricSpec>
}

type MakeGauge = ReturnType<typeof gaugeOf>

const undeliveredGauges = (gauge: MakeGauge) => ({
  streamUndelivered: gauge(
    'stream_undelivered_entries',
    'Entries after the last one delivered to the group, counted and never guessed; NaN when the store cannot tell',
    'entries are appended faster than the group reads them',
    ({ undelivered }) => undelivered,
  ),
  streamUndeliveredKnown: gauge(
    'stream_undelivered_known',
    '1 while stream_undelivered_entries is exact, 0 while it is NaN',
    'entries are deleted among a long undelivered backlog, a group stands beyond its stream, or the store is away',
    ({ undelivered }) => (Number.isNaN(undelivered) ? 0 : 1),
  ),
  streamOldestUndelivered: gauge(
    'stream_oldest_undelivered_age_seconds',
    'Age of the first entry that was never delivered to the group; 0 when there is none',
    'the group stops reading, or reads more slowly than entries are appended',
    ({ oldestUndeliveredAgeSeconds }) => oldestUndeliveredAgeSeconds,
  ),
})

const pendingGauges = (gauge: MakeGauge) => ({
  streamPending: gauge(
    'stream_pending_entries',
    'Entries delivered to the group and not acknowledged',
    'entries are read and not yet acknowledged',
    ({ pending }) => pending,
  ),
  streamPendingIdle: gauge(
    'stream_oldest_pending_idle_seconds',
    'Time since the last delivery of the pending entry that waits longest, looked for among the oldest 100; 0 when none is pending',
    'a consumer holds entries without finishing them',
    ({ oldestPendingIdleSeconds }) => oldestPendingIdleSeconds,
  ),
  streamPendingDeliveries: gauge(
    'stream_pending_deliveries',
    'Most deliveries of any of the oldest 100 pending entries; 0 when none is pending',
    'an entry fails or kills its consumer, and is delivered again',
    ({ pendingDeliveries }) => pendingDeliveries,
  ),
})

const streamCounters = (streams: readonly string[]) =>
  ({
    streamLost: {
      name: 'stream_entries_lost_total',
      type: 'counter',
      help: 'Entries gone before the group acknowledged them: bodies deleted while pending, and entries trimmed, deleted or skipped before they were delivered. A loss is counted by one process only, so sum over replicas.',
      cause: 'somebody else runs XTRIM, XDEL or XGROUP SETID on the stream',
      labels: { stream: streams },
    },
    streamDeliveries: {
      name: 'stream_deliveries_total',
      type: 'counter',
      help: 'Entries handed to this process, by whether it was their first delivery',
      cause: 'a batch is read (first), or pending entries are taken up again (again)',
      labels: { stream: streams, kind: ['first', 'again'] },
    },
    streamClaims: {
      name: 'stream_claims_total',
      type: 'counter',
      help: 'Pending entries that this process took up again: its own from before a restart, its own that had failed, or those that another consumer abandoned',
      cause: 'a restart, a retry that is due, or a consumer that is gone',
      labels: { stream: streams, kind: CLAIM_KINDS },
    },
    streamAcknowledged: {
      name: 'stream_acknowledged_total',
      type: 'counter',
      help: 'Pending entries that this process acknowledged, dead letters included',
      cause: 'an entry is finished with, or given up',
      labels: { stream: streams },
    },
    streamTrimmed: {
      name: 'stream_trimmed_entries_total',
      type: 'counter',
      help: 'Stored entries that this process removed because no group has them pending or ahead: leftovers of a crash, of a foreign XACK or of a deleted consumer',
      cause: 'a trim finds entries that nobody will ever ask for',
      labels: { stream: streams },
    },
  }) as const satisfies Record<string, MetricSpec>

export const storeMetrics = (read: StoreReadings) =>
  ({
    storeUp: {
      name: 'store_up',
      type: 'gauge',
      help: '1 when the stream store answered within a second, 0 when it did not',
      cause: 'the store is stopped, unreachable or too busy to answer',
      collect: async () => ((await read()).up ? 1 : 0),
    },
    storeUsed: {
      name: 'store_used_bytes',
      type: 'gauge',
      help: 'Memory that Redis uses (all masters together), or the size of the embedded log on disk',
      cause: 'entries are stored',
      collect: async () => (await read()).usedBytes,
    },
    storeCapacity: {
      name: 'store_capacity_bytes',
      type: 'gauge',
      help: 'What the store may use: maxmemory of Redis (all masters together; NaN without a limit), or the size of the embedded log and the free disk space together',
      cause: 'maxmemory is changed, or the disk fills',
      collect: async () => (await read()).capacityBytes,
    },
    storePing: {
      name: 'store_ping_seconds',
      type: 'gauge',
      help: 'Time the store took to answer a PING (the slowest master), or the embedded log a read; NaN while it is away',
      cause: 'the store or the network is slow',
      collect: async () => (await read()).pingSeconds,
    },
    storeSafe: {
      name: 'store_safe',
      type: 'gauge',
      help: '1 good, 0 bad, NaN unknown: eviction is off; writes are persisted and the last attempt succeeded; a memory limit is set; no group stands beyond the end of its stream. Always 1 for the embedded log.',
      cause:
        'somebody changes the configuration of Redis, its disk fails, or a stream is restored from a backup',
      labels: { check: STORE_CHECKS },
      collect: async () => {
        const { safe } = await read()
        return STORE_CHECKS.map((check) => ({ labels: { check }, value: safe[check] }))
      },
    },
  }) as const satisfies Record<string, MetricSpec>

type StreamHandles = MetricHandles<ReturnType<typeof streamCounters>>

/** What reads a store, made by the service: `monitoring` is told, it does not look. */
export type Watch = { readonly streams: StreamReadings; readonly store: StoreReadings }

/** Registers `stream_*` and `store_*`. `open` is given where to report losses, which counts them. */
export const registerStreamMetrics = (
  registry: Registry,
  streams: readonly string[],
  open: (onLost: (stream: string, entries: number) => void) => Watch,
): StreamHandles => {
  const handles = registerMetrics(registry, streamCounters(streams))
  const watch = open((stream, entries) => handles.streamLost.inc({ stream }, entries))
  registerMetrics(registry, { ...streamGauges(streams, watch.streams), ...storeMetrics(watch.store) })
  return handles
}

/** What a consumer of `stream` is given to report to: spread it into its options. */
export const consumerReports = (handles: StreamHandles, stream: string) => ({
  onDeliver: (kind: 'first' | 'again', entries: number) =>
    handles.streamDeliveries.inc({ stream, kind }, entries),
  onClaim: (kind: (typeof CLAIM_KINDS)[number], entries: number) =>
    handles.streamClaims.inc({ stream, kind }, entries),
  onAcknowledge: (entries: number) => handles.streamAcknowledged.inc({ stream }, entries),
  onVanished: (entries: number) => handles.streamLost.inc({ stream }, entries),
  onTrim: (entries: number) => handles.streamTrimmed.inc({ stream }, entries),
})

/** Of a store that does not answer. */
export const UNKNOWN_STORE: StoreReading = {
  up: false,
  usedBytes: NaN,
  capacityBytes: NaN,
  pingSeconds: NaN,
  safe: { eviction: NaN, persistence: NaN, memory_limit: NaN, group_ahead: NaN },
}

/** The declarations alone, for docs and checks. */
export const STREAM_METRICS: readonly MetricSpec[] = Object.values(streamMetrics(['none'], async () => []))
export const STORE_METRICS: readonly MetricSpec[] = Object.values(storeMetrics(async () => UNKNOWN_STORE))
