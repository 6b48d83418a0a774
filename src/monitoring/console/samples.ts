/**
 * What the console makes of the answers of `/status/all`: rates, merged streams, one verdict, and words. Pure, and served to
 * the browser as its own source: a function here may use its arguments, the other exported functions of this folder and what
 * every browser has. Nothing else exists there, in particular no constant of this module.
 */
import type { Problem, ServiceView, StreamStatus } from '../status.ts'

export type Snapshot = { readonly at: string; readonly services: readonly ServiceView[] }

/** One moment: its time in ms and its figures by key, `<panel>|<series>`. A figure that is not known is absent. */
export type Sample = { readonly at: number; readonly values: Readonly<Record<string, number>> }

export type Level = 'ok' | 'warn' | 'bad'
export type Finding = { readonly level: Level; readonly where: string; readonly what: string }

/** `eventsReceived` is read as "events received". */
export const wordsOf = (key: string): string =>
  key
    .replace(/_/g, ' ')
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()

/** Totals whose growth is a reason to look, by their words. */
export const isTrouble = (key: string): boolean =>
  /error|fail|drop|deadletter|dead.letter|retr(y|ies)|reject|invalid|lost|reconnect|poison/i.test(key)

export const compactNumber = (value: number): string => {
  const size = Math.abs(value)
  const short = (unit: number) => String(Number((value / unit).toPrecision(3)))
  if (size >= 1e9) return `${short(1e9)}G`
  if (size >= 1e6) return `${short(1e6)}M`
  if (size >= 1e4) return `${short(1e3)}k`
  if (size >= 100 || Number.isInteger(value)) return Math.round(value).toLocaleString('en-GB')
  return short(1).slice(0, 4)
}

export const ageWords = (seconds: number): string => {
  if (seconds < 10) return `${(Math.max(0, seconds) || 0).toFixed(seconds < 1 && seconds > 0 ? 1 : 0)} s`
  if (seconds < 120) return `${Math.round(seconds)} s`
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`
  if (seconds < 172_800) return `${(seconds / 3_600).toFixed(1)} h`
  return `${Math.round(seconds / 86_400)} days`
}

export const clockWords = (at: number): string => new Date(at).toTimeString().slice(0, 8)

/** The stream as all services together see it: the writer knows its mark, the reader its group. */
export const mergeStreams = (services: readonly ServiceView[]): StreamStatus[] => {
  const merged = new Map<string, StreamStatus>()
  for (const next of services.flatMap(({ status }) => status?.streams ?? [])) {
    const last = merged.get(next.stream)
    const reader = next.group === null ? (last ?? next) : next
    merged.set(next.stream, {
      stream: next.stream,
      length: Math.max(last?.length ?? 0, next.length),
      oldestAgeSeconds: Math.max(last?.oldestAgeSeconds ?? 0, next.oldestAgeSeconds),
      highWaterMark: next.highWaterMark ?? last?.highWaterMark ?? null,
      group: reader.group,
      lag: reader.lag,
      pending: reader.pending,
    })
  }
  return [...merged.values()]
}

/**
 * The figures of one moment. Rates need the moment before; a service that restarted in between (its start differs or a total
 * fell) has none for this moment.
 */
export const sampleOf = (next: Snapshot, previous: Snapshot | null): Sample => {
  const at = Date.parse(next.at)
  const seconds = previous === null ? 0 : (at - Date.parse(previous.at)) / 1000
  const values: Record<string, number> = {}
  for (const { status } of next.services) {
    const before = previous?.services.find((view) => view.status?.service === status?.service)?.status
    if (!status || before?.startedAt !== status.startedAt || seconds <= 0) continue
    for (const [key, total] of Object.entries(status.totals)) {
      const grown = total - (before.totals[key] ?? total)
      if (grown < 0) continue
      if (isTrouble(key)) values[`errors|${status.service} ${wordsOf(key)}`] = grown
      else values[`throughput|${status.service} ${wordsOf(key)}`] = grown / seconds
    }
  }
  for (const stream of mergeStreams(next.services)) {
    values[`lengths|${stream.stream}`] = stream.length
    // Dead letters wait for a person: their age is no lag.
    if (!/dlq|dead/i.test(stream.stream)) values[`lag|${stream.stream}`] = stream.oldestAgeSeconds
  }
  return { at, values }
}

/** `samples` with one more, without those older than `windowMs`. */
export const withSample = (samples: readonly Sample[], sample: Sample, windowMs: number): Sample[] => [
  ...samples.filter(({ at }) => at > sample.at - windowMs && at < sample.at),
  sample,
]

/** Everything that is not as it should be, worst first. Empty means that all is well. */
export const findingsOf = ({ at, services }: Snapshot): Finding[] => {
  const found = services.flatMap((view): Finding[] => [
    ...healthFindings(view),
    ...upstreamFindings(view),
    ...recentErrors(view, Date.parse(at)),
  ])
  const all = [...found, ...streamFindings(services)]
  return [...all.filter(({ level }) => level === 'bad'), ...all.filter(({ level }) => level !== 'bad')]
}

export const healthFindings = ({ status, health }: ServiceView): Finding[] => {
  if (health.live && health.ready) return []
  const where = status?.service ?? 'a service'
  const fallback = health.live ? 'It is not ready and does not say why.' : 'It makes no progress; restart it.'
  const reasons = health.reasons.length > 0 ? health.reasons : [fallback]
  return reasons.map((what) => ({ level: 'bad', where, what }))
}

export const upstreamFindings = ({ status }: ServiceView): Finding[] =>
  (status?.upstreams ?? []).flatMap((upstream): Finding[] => {
    const where = `${status?.service ?? 'a service'}, ${upstream.host}`
    if (upstream.state === 'paused') return [{ level: 'warn', where, what: 'Paused by back-pressure.' }]
    if (upstream.state !== 'connecting' && upstream.state !== 'waiting') return []
    if (upstream.lastError === null) return []
    return [{ level: 'warn', where, what: `Not connected: ${upstream.lastError}` }]
  })

/** An error of the last five minutes is a reason to look even when the service has recovered. */
export const recentErrors = ({ status }: ServiceView, now: number): Finding[] =>
  (status?.problems ?? [])
    .filter((problem: Problem) => problem.severity === 'error' && now - Date.parse(problem.at) < 300_000)
    .map((problem) => ({
      level: 'warn',
      where: status?.service ?? 'a service',
      what: `${problem.what} ${problem.todo}`,
    }))

export const streamFindings = (services: readonly ServiceView[]): Finding[] =>
  mergeStreams(services).flatMap(({ stream, length, highWaterMark }): Finding[] => {
    if (highWaterMark === null || highWaterMark <= 0 || length < highWaterMark * 0.8) return []
    const percent = Math.round((100 * length) / highWaterMark)
    return [{ level: 'warn', where: stream, what: `The stream is at ${percent} % of its high-water mark.` }]
  })

/** The verdict in one sentence: is it well, and if not, where? */
export const headline = (findings: readonly Finding[], services: readonly ServiceView[]): string => {
  if (services.length === 0) return 'No service answers here'
  const worst = findings.filter(({ level }) => level === 'bad')
  const places = [...new Set((worst.length > 0 ? worst : findings).map(({ where }) => where))]
  if (worst.length > 0) return `Not working: ${places.join(' · ')}`
  if (places.length > 0) return `Working, but look at: ${places.join(' · ')}`
  return 'All is well'
}

export type Scale = 'linear' | 'count' | 'log' | 'age'
export type Axis = { readonly top: number; readonly ticks: readonly number[] }

/**
 * The lines of an axis from 0 that shows `max`. `log` and `age` rise by powers, so that a stream of three entries and one of
 * a million are both seen to move; `count` never divides one.
 */
export const axisOf = (max: number, scale: Scale): Axis => {
  if (scale === 'log' || scale === 'age') {
    const marks =
      scale === 'log' ? [10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8] : [1, 10, 60, 600, 3_600, 36_000, 864_000]
    const upTo = marks.findIndex((mark) => mark >= max)
    const ticks = marks.slice(0, Math.max(2, upTo < 0 ? marks.length : upTo + 1))
    return { top: Math.max(max, ticks.at(-1) ?? 1), ticks }
  }
  const least = scale === 'count' ? Math.max(3, max) : Math.max(max, 1e-6)
  const power = 10 ** Math.floor(Math.log10(least / 3))
  const factors = scale === 'count' ? [1, 2, 5, 10] : [1, 2, 2.5, 5, 10]
  const step = (factors.find((factor) => factor * power >= least / 3) ?? 10) * power
  const lines = Math.ceil(least / step - 1e-9)
  return { top: lines * step, ticks: Array.from({ length: lines }, (_, index) => (index + 1) * step) }
}

/** Where a value stands on its axis, from 0 to 1. */
export const heightOf = (value: number, top: number, scale: Scale): number =>
  scale === 'log' || scale === 'age' ? Math.log1p(value) / Math.log1p(top) : value / top
