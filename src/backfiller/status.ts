/** The backfiller in words: its streams, its totals, and whether it gets anywhere. */
import { TransientError } from '../lib/errors.ts'
import type {
  Health,
  ServiceStatus,
  StatusSource,
  StreamStatus,
  UpstreamStatus,
} from '../monitoring/status.ts'
import type { Log } from '../stream/log.ts'
import type { Hosts } from './hosts.ts'
import type { Identities } from './identities.ts'
import type { Settings } from './options.ts'
import type { OutputGate } from './output-gate.ts'
import type { Progress } from './progress.ts'

export type StatusContext = {
  readonly log: Log
  readonly settings: Settings
  readonly progress: Progress
  readonly hosts: Hosts
  readonly identities: Pick<Identities, 'directory'>
  readonly gate: OutputGate
}

/** Work in hand and nothing moved for this long, although nothing held it back: only a restart helps. */
const STUCK_MS = 15 * 60_000

export const createStatus = (context: StatusContext): StatusSource => {
  const startedAt = new Date().toISOString()
  return {
    status: () => status(context, startedAt),
    health: () => health(context),
  }
}

const status = async (context: StatusContext, startedAt: string): Promise<ServiceStatus> => {
  const { log, settings, progress } = context
  const { inputStream, outputStream, deadLetterStream, group, highWaterMark } = settings
  const streams = await Promise.all([
    streamStatus(log, { stream: inputStream, group, highWaterMark: null }),
    streamStatus(log, { stream: outputStream, group: null, highWaterMark }),
    streamStatus(log, { stream: deadLetterStream, group: null, highWaterMark: null }),
  ])
  return {
    service: 'backfiller',
    version: settings.version,
    store: log.kind,
    startedAt,
    upstreams: [directory(context), ...heldHosts(context)],
    streams,
    totals: progress.totals,
    problems: progress.problems,
  }
}

/** The network is thousands of hosts; of those that are held, these few say what it is about. */
const MAX_HOSTS = 5

const directory = ({ settings, identities }: StatusContext): UpstreamStatus => {
  const { answeredAt, failures, lastError } = identities.directory
  return {
    ...upstream(new URL(settings.plcUrl).host, answeredAt),
    state: failures > 0 ? 'waiting' : answeredAt === null ? 'connecting' : 'live',
    reconnects: failures,
    lastError,
  }
}

const heldHosts = ({ hosts }: StatusContext): readonly UpstreamStatus[] =>
  hosts.heldHosts(MAX_HOSTS).map(({ name, answeredAt, failures, lastError }) => ({
    ...upstream(name, answeredAt),
    state: 'waiting',
    reconnects: failures,
    lastError,
  }))

const upstream = (host: string, answeredAt: number | null) => ({
  kind: 'repos' as const,
  host,
  cursor: null,
  secondsSinceData: answeredAt === null ? null : (Date.now() - answeredAt) / 1000,
})

type StreamAsked = Pick<StreamStatus, 'stream' | 'group' | 'highWaterMark'>

const streamStatus = async (log: Log, asked: StreamAsked): Promise<StreamStatus> => {
  const { length, oldestAgeMs } = await log.streamStats(asked.stream)
  const figures = asked.group === null ? null : await log.groupStats(asked.stream, asked.group)
  return {
    ...asked,
    length,
    oldestAgeSeconds: oldestAgeMs / 1000,
    lag: figures?.lag ?? null,
    pending: figures?.pending ?? null,
  }
}

const health = async ({ log, settings, progress, hosts, gate }: StatusContext): Promise<Health> => {
  const reasons: string[] = []
  const stuck = hosts.running > 0 && !gate.active && progress.stillMs > STUCK_MS
  if (stuck) reasons.push(`${hosts.running} repos are running and none has moved for 15 minutes.`)
  const away = await storeError(log, settings.inputStream)
  if (away !== null) reasons.push(`The store does not answer: ${away}`)
  return { live: !stuck, ready: !stuck && away === null, reasons }
}

const storeError = async (log: Log, stream: string): Promise<string | null> => {
  try {
    await log.streamStats(stream)
    return null
  } catch (error) {
    if (error instanceof TransientError) return error.message
    throw error
  }
}
