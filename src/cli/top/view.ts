/**
 * From two moments to what a person reads: rates, levels, ages. Pure. What is not known is null and drawn as a dash; a counter
 * that fell (a restart) gives the rate since the restart, never a negative one.
 */
import type { Series } from '../../monitoring/exposition.ts'
import type { Sample } from './source.ts'

export type ProcessRow = {
  readonly job: string
  readonly instance: string
  readonly state: 'ready' | 'not ready' | 'down'
  readonly version: string | null
  readonly cpu: number | null
  readonly memoryBytes: number | null
  readonly upSeconds: number | null
  readonly errorsPerSecond: number | null
}

export type StreamRow = {
  readonly stream: string
  readonly entries: number | null
  readonly undelivered: number | null
  readonly oldestSeconds: number | null
  readonly pending: number | null
  readonly deadLetters: number | null
  readonly lost: number | null
}

export type HostRow = {
  readonly host: string
  readonly connected: boolean | null
  readonly quietSeconds: number | null
  readonly unsaved: number | null
  readonly reconnects: number | null
}

export type View = {
  readonly at: number
  readonly firing: readonly string[] | null
  readonly processes: readonly ProcessRow[]
  /** By the words of FLOWS, per second. */
  readonly flows: Readonly<Record<string, number | null>>
  readonly freshness: { readonly p50: number | null; readonly p99: number | null }
  readonly streams: readonly StreamRow[]
  readonly hosts: readonly HostRow[]
  /** What failed or was dropped since the last look, most frequent first. */
  readonly troubles: readonly { readonly what: string; readonly perSecond: number }[]
}

/** What flows, as the sum over all processes. */
export const FLOWS = {
  'events received': 'ingester_firehose_events_total',
  'entries written': 'ingester_stream_events_total',
  'repos backfilled': 'backfiller_repos_processed_total',
  'records backfilled': 'backfiller_records_extracted_total',
  'events indexed': 'indexer_events_processed_total',
  'rows written': 'indexer_db_writes_total',
} as const

const TROUBLES =
  /^(ingester_errors|ingester_operations_dropped|ingester_labels_dropped|ingester_reconnects|backfiller_failures|backfiller_records_dropped|indexer_dropped|indexer_poison_entries|indexer_db_errors|stream_entries_lost)_total$/
const ERRORS = /^(ingester_errors|backfiller_repos_failed|indexer_errors)_total$/
const OF_TARGET = /^(job|instance|service|cluster|environment)$/
/** Dropped on purpose: no trouble. */
const INTENDED = new Set(['filtered', 'unknown_collection'])

const keyOf = ({ name, labels }: Series): string => `${name}${JSON.stringify(Object.entries(labels).sort())}`

export const viewOf = (before: Sample, now: Sample): View => {
  const seconds = Math.max(0.001, (now.at - before.at) / 1_000)
  const old = new Map(before.series.map((one) => [keyOf(one), one.value]))
  const grown = (one: Series): number => growth(old.get(keyOf(one)), one.value)
  const rate = (rows: readonly Series[]): number | null =>
    rows.length === 0 ? null : sum(rows.map(grown)) / seconds
  return {
    at: now.at,
    firing: now.firing,
    processes: processes(now, (rows) => rate(rows)),
    flows: Object.fromEntries(
      Object.entries(FLOWS).map(([words, name]) => [
        words,
        rate(now.series.filter((one) => one.name === name)),
      ]),
    ),
    freshness: freshness(now.series, grown),
    streams: streams(now.series),
    hosts: hosts(now),
    troubles: troubles(now.series, (one) => grown(one) / seconds),
  }
}

const growth = (before: number | undefined, now: number): number =>
  before === undefined ? 0 : now >= before ? now - before : now

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** Every replica tells the same of a stream: the highest known value stands for all. */
const highest = (rows: readonly Series[]): number | null => {
  const known = rows.map(({ value }) => value).filter((value) => !Number.isNaN(value))
  return known.length === 0 ? null : Math.max(...known)
}

type Rate = (rows: readonly Series[]) => number | null

const processes = ({ at, targets, series }: Sample, rate: Rate): ProcessRow[] =>
  targets.map(({ job, instance, up }) => {
    const own = up
      ? series.filter(({ labels }) => labels['job'] === job && labels['instance'] === instance)
      : []
    const value = (name: string) => highest(own.filter((one) => one.name === name))
    const started = value('process_start_time_seconds')
    const build = own.find(({ name }) => name === 'build_info')?.labels
    return {
      job: build?.['service'] ?? job,
      instance,
      state: !up ? 'down' : value('service_ready') === 0 ? 'not ready' : 'ready',
      version: build
        ? [build['version'], build['commit']].filter((part) => part !== 'unknown').join('+')
        : null,
      cpu: rate(own.filter(({ name }) => name === 'process_cpu_seconds_total')),
      memoryBytes: value('process_resident_memory_bytes'),
      upSeconds: started === null ? null : Math.max(0, at / 1_000 - started),
      errorsPerSecond: rate(own.filter(({ name }) => ERRORS.test(name))),
    }
  })

const streams = (series: readonly Series[]): StreamRow[] => {
  const told = series.filter(
    ({ name, labels }) => name.startsWith('stream_') && labels['stream'] !== undefined,
  )
  const names = [...new Set(told.map(({ labels }) => labels['stream'] ?? ''))].sort()
  return names.map((stream) => {
    const value = (name: string) =>
      highest(told.filter((one) => one.name === name && one.labels['stream'] === stream))
    return {
      stream,
      entries: value('stream_entries'),
      undelivered: value('stream_undelivered_entries'),
      oldestSeconds: value('stream_oldest_undelivered_age_seconds'),
      pending: value('stream_pending_entries'),
      deadLetters: value('stream_dead_letters'),
      lost: value('stream_entries_lost_total'),
    }
  })
}

const hosts = ({ at, series }: Sample): HostRow[] => {
  const told = series.filter(
    ({ name, labels }) => name.startsWith('ingester_') && labels['host'] !== undefined,
  )
  const names = [...new Set(told.map(({ labels }) => labels['host'] ?? ''))]
  return names.map((host) => {
    const value = (name: string) =>
      highest(told.filter((one) => one.name === name && one.labels['host'] === host))
    const [frame, seq, cursor] = [
      value('ingester_last_frame_time_seconds'),
      value('ingester_host_sequence'),
      value('ingester_host_cursor'),
    ]
    return {
      host,
      connected: asFlag(value('ingester_host_connected')),
      quietSeconds: frame ? Math.max(0, at / 1_000 - frame) : null,
      unsaved: seq !== null && cursor ? Math.max(0, seq - cursor) : null,
      reconnects: value('ingester_host_reconnects_total'),
    }
  })
}

const asFlag = (value: number | null): boolean | null => (value === null ? null : value === 1)

const troubles = (series: readonly Series[], perSecond: (one: Series) => number): View['troubles'] => {
  const total = new Map<string, number>()
  for (const one of series.filter(({ name }) => TROUBLES.test(name))) {
    const kinds = Object.entries(one.labels).flatMap(([label, value]) =>
      OF_TARGET.test(label) ? [] : [value],
    )
    if (kinds.some((kind) => INTENDED.has(kind))) continue
    const what = [one.name.replace(/_total$/, '').replaceAll('_', ' '), ...kinds].join(' · ')
    total.set(what, (total.get(what) ?? 0) + perSecond(one))
  }
  return [...total]
    .filter(([, rate]) => rate > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([what, rate]) => ({ what, perSecond: rate }))
}

/** The quantiles of what was committed between the two moments, interpolated as histogram_quantile does. */
const freshness = (series: readonly Series[], grown: (one: Series) => number): View['freshness'] => {
  const buckets = new Map<number, number>()
  for (const one of series) {
    if (one.name !== 'indexer_freshness_seconds_bucket' || one.labels['stream'] !== 'firehose_live') continue
    const bound = one.labels['le'] === '+Inf' ? Infinity : Number(one.labels['le'])
    buckets.set(bound, (buckets.get(bound) ?? 0) + grown(one))
  }
  const rising = [...buckets].sort(([a], [b]) => a - b)
  return { p50: quantile(0.5, rising), p99: quantile(0.99, rising) }
}

const quantile = (
  share: number,
  rising: readonly (readonly [bound: number, count: number])[],
): number | null => {
  const all = rising.at(-1)?.[1] ?? 0
  if (all === 0) return null
  const rank = share * all
  const i = rising.findIndex(([, count]) => count >= rank)
  const [bound, count] = rising[i] ?? [Infinity, all]
  const [low, under] = rising[i - 1] ?? [0, 0]
  if (bound === Infinity) return low
  return count === under ? bound : low + ((bound - low) * (rank - under)) / (count - under)
}
