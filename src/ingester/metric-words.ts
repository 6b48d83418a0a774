/** The closed label values of the ingester's metrics, what is read at scrape time, and short forms to declare one. */
import type { LabelSpec, Reading } from '../monitoring/metrics.ts'
import type { Upstream } from './upstream.ts'

export const OUTPUT_STREAMS = ['firehose_live', 'repo_backfill', 'label_live'] as const
export type OutputStream = (typeof OUTPUT_STREAMS)[number]

export const FRAME_TYPES = [
  'commit',
  'sync',
  'identity',
  'account',
  'labels',
  'info',
  'error',
  'other',
] as const
export type FrameType = (typeof FRAME_TYPES)[number]

/** `kept`: gave entries or a resync. `filtered`: nothing of it was asked for. `duplicate`: durable already, by another host. */
export const FRAME_OUTCOMES = ['kept', 'filtered', 'duplicate', 'dropped'] as const
export type FrameOutcome = (typeof FRAME_OUTCOMES)[number]

/** What an ingester does, by its mode. */
export const ALL_PARTS = ['firehose', 'repos', 'labels'] as const
export type Part = (typeof ALL_PARTS)[number]

/** Those that follow a socket. */
export const PARTS = ['firehose', 'labels'] as const
export type SocketPart = (typeof PARTS)[number]

/** `sync_failed` and its like of wintermute have no cause here and are not declared; what they meant is a reason below. */
export const ERROR_TYPES = [
  'firehose_cursor',
  'label_cursor',
  'backfill_cursor',
  'parse_failed',
  'label_parse',
  'enqueue_failed',
  'fetch_failed',
  'connection_failed',
  'upstream_error',
] as const
export type ErrorType = (typeof ERROR_TYPES)[number]

export const RECONNECT_REASONS = ['closed', 'refused', 'idle', 'error_frame'] as const
export type ReconnectReason = (typeof RECONNECT_REASONS)[number]

/** What is read when /metrics is asked for, whether or not any upstream is connected. */
export type Readings = {
  readonly length: (stream: OutputStream | 'firehose_backfill') => Promise<number>
  readonly oldestAgeSeconds: (stream: OutputStream) => Promise<number>
  readonly backpressureActive: () => number
  readonly eventsInMemory: () => number
  readonly bytesInMemory: () => number
  readonly secondsSinceLastFrame: () => number
  readonly cursorAgeSeconds: () => number
  readonly lastEventTimeSeconds: () => number
  readonly backfillComplete: () => number
  readonly running: (part: Part) => number
  readonly residual: (part: Part) => number
  readonly highWaterMark: (stream: OutputStream) => number
  /** A value per configured host, read from its upstream; null is not known. */
  readonly perHost: (read: (upstream: Upstream) => number | null) => Reading
}

export const counter = (name: string, help: string, cause: string) =>
  ({ type: 'counter', name, help, cause }) as const
export const counterBy = <const L extends LabelSpec>(name: string, labels: L, help: string, cause: string) =>
  ({ type: 'counter', name, help, cause, labels }) as const
export const gaugeBy = <const L extends LabelSpec>(name: string, labels: L, help: string, cause: string) =>
  ({ type: 'gauge', name, help, cause, labels }) as const
export const histogram = (name: string, buckets: readonly number[], help: string, cause: string) =>
  ({ type: 'histogram', name, buckets, help, cause }) as const

type Collect = () => number | Promise<number>
/** As `reading`, with a value for each value of one label. */
export const readingBy =
  <const L extends LabelSpec>(name: string, labels: L, collect: () => Reading) =>
  (help: string, cause: string) =>
    ({ type: 'gauge', name, help, cause, labels, collect }) as const
/** The reading of one label whose values are listed in the code. */
export const each =
  <T extends string>(label: string, values: readonly T[], read: (value: T) => number) =>
  (): Reading =>
    values.map((value) => ({ labels: { [label]: value }, value: read(value) }))
/** A gauge that is read at scrape time. */
export const reading = (name: string, collect: Collect) => (help: string, cause: string) =>
  ({ type: 'gauge', name, help, cause, collect }) as const
