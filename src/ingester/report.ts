/** The ingester's answer to /status and /healthz: upstreams, streams, totals, problems in words. Reads, never changes. */
import type { Registry } from '@prometheus-io/client'
import { describeError } from '../lib/errors.ts'
import type { ServiceStatus, StatusSource, StreamStatus, UpstreamStatus } from '../monitoring/status.ts'
import { healthOf } from './health.ts'
import type { StreamLevel } from './level.ts'
import type { Levels } from './levels.ts'
import type { Room } from './room.ts'

export type Reported = {
  readonly room: Room
  readonly levels: Levels
  readonly registry: Registry
  readonly life: { readonly running: boolean }
}

/** Totals a person can read, by the counter they are taken from. */
const TOTALS = {
  eventsReceived: 'ingester_firehose_events_total',
  operationsFiltered: 'ingester_firehose_filtered_operations_total',
  labelsReceived: 'ingester_labeler_events_total',
  reposListed: 'ingester_backfill_repos_fetched_total',
  entriesWritten: 'ingester_stream_events_total',
  errors: 'ingester_errors_total',
} as const

export const statusSource = (reported: Reported): StatusSource => {
  const startedAt = new Date().toISOString()
  return {
    status: async () => statusOf(reported, startedAt),
    health: async () => {
      const { output, upstreams, settings } = reported.room
      return healthOf({
        running: reported.life.running,
        upstreams,
        silenceMs: settings.idleTimeoutMs,
        storeFailingSinceMs: output.failingSinceMs,
        storeError: output.lastError,
      })
    },
  }
}

const statusOf = async ({ room, levels, registry }: Reported, startedAt: string): Promise<ServiceStatus> => {
  const { settings, upstreams, problems } = room
  const streams = await Promise.allSettled(levels.all.map(streamStatus))
  const unread = streams.find((stream) => stream.status === 'rejected')
  return {
    service: 'ingester',
    version: settings.version,
    store: settings.log.kind,
    startedAt,
    upstreams: [...upstreams.map((upstream) => upstream.status()), storeStatus(room, unread?.reason)],
    streams: streams.flatMap((stream) => (stream.status === 'fulfilled' ? [stream.value] : [])),
    totals: await readTotals(registry),
    problems: problems.list(),
  }
}

/** The ingester reads no group: lag and pending are for those who do to tell. */
const streamStatus = async (level: StreamLevel): Promise<StreamStatus> => {
  const { length, oldestAgeMs } = await level.stats()
  const { stream, mark: highWaterMark } = level
  return {
    stream,
    length,
    oldestAgeSeconds: oldestAgeMs / 1000,
    highWaterMark,
    group: null,
    lag: null,
    pending: null,
  }
}

const storeStatus = ({ output, settings }: Room, unread: unknown): UpstreamStatus => ({
  kind: 'store',
  host: settings.log.kind,
  state: output.failingSinceMs === null && unread === undefined ? 'live' : 'waiting',
  cursor: null,
  secondsSinceData: null,
  reconnects: 0,
  lastError: unread === undefined ? output.lastError : describeError(unread),
})

const readTotals = async (registry: Registry): Promise<Record<string, number>> => {
  const entries = Object.entries(TOTALS).map(async ([word, name]) => {
    const metric = await registry.getSingleMetric(name)?.get()
    const total = metric?.values.reduce((sum, { value }) => sum + value, 0) ?? 0
    return [word, total] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}
