/**
 * Where `millrace top` looks: the services' own endpoints, or a Prometheus that scrapes them. Both give the same: the series of
 * every process at one moment, under the labels `job` and `instance`. Guarantees that what does not answer is told as down
 * and never stops the others.
 */
import { parseExposition, sampleValue, type Series } from '../../monitoring/exposition.ts'

export type Target = { readonly job: string; readonly instance: string; readonly up: boolean }

export type Sample = {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly targets: readonly Target[]
  /** With the labels `job` and `instance`. */
  readonly series: readonly Series[]
  /** Names of alerts that fire; null when nobody here knows (no Prometheus was asked). */
  readonly firing: readonly string[] | null
}

export type Source = (signal: AbortSignal) => Promise<Sample>

const TIMEOUT_MS = 5_000

const get = async (url: string, signal: AbortSignal): Promise<string> => {
  const response = await fetch(url, { signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]) })
  if (!response.ok) throw new Error(`HTTP ${response.status}`)
  return response.text()
}

/** Asks each address for /metrics. An address that has never answered is left out: the default ones need not all exist. */
export const fromServices = (urls: readonly string[]): Source => {
  const seen = new Map<string, string>()
  return async (signal) => {
    const answers = await Promise.all(urls.map((url) => askMetrics(url, signal)))
    const targets: Target[] = []
    const series: Series[] = []
    for (const { instance, told } of answers) {
      if (told !== null) seen.set(instance, told.job)
      const job = seen.get(instance)
      if (job !== undefined) targets.push({ job, instance, up: told !== null })
      if (told) series.push(...told.series.map((one) => withTarget(one, told.job, instance)))
    }
    return { at: Date.now(), targets, series, firing: null }
  }
}

const withTarget = ({ name, labels, value }: Series, job: string, instance: string): Series => ({
  name,
  value,
  labels: { ...labels, job, instance },
})

const askMetrics = async (url: string, signal: AbortSignal) => {
  const base = url.replace(/\/+$/, '')
  const instance = base.replace(/^https?:\/\//, '')
  try {
    const series = parseExposition(await get(`${base}/metrics`, signal))
    const service = series.find(({ name, labels }) => name === 'build_info' && labels['service'])
    // 9090 is also Prometheus' own port: an endpoint that is none of ours is not shown.
    const job = service?.labels['service']
    return { instance, told: job === undefined ? null : { job, series } }
  } catch {
    return { instance, told: null }
  }
}

type Vector = { metric: Record<string, string>; value: [number, string] }[]

/** Everything that top draws, asked for in one query each. */
const SELECT =
  '{__name__=~"(ingester|backfiller|indexer|stream|store|db_pool|database|process|service|build)_.+",job!=""}'

/** Under the seed's jobs the target's `service` and `type` push a series' own aside to `exported_…`; here its own count. */
const ownLabels = (labels: Record<string, string>): Record<string, string> => {
  const { exported_type: type, exported_service: service, type: _family, ...others } = labels
  return { ...others, ...(service && { service }), ...(type && { type }) }
}

export const fromPrometheus = (url: string): Source => {
  const base = url.replace(/\/+$/, '')
  const query = async (expression: string, signal: AbortSignal): Promise<Series[]> => {
    const text = await get(`${base}/api/v1/query?query=${encodeURIComponent(expression)}`, signal)
    const { data } = JSON.parse(text) as { data: { result: Vector } }
    return data.result.map(({ metric: { __name__: name = '', ...labels }, value }) => ({
      name,
      labels: ownLabels(labels),
      value: sampleValue(value[1]),
    }))
  }
  return async (signal) => {
    const [all, up, alerts] = await Promise.all([
      query(SELECT, signal),
      query('up', signal),
      query('ALERTS{alertstate="firing",severity!="none"}', signal),
    ])
    const ours = new Set(all.filter(({ name }) => name === 'build_info').map(({ labels }) => labels['job']))
    const targets = up
      .filter(({ labels }) => ours.has(labels['job']) || /^rust-/.test(labels['job'] ?? ''))
      .map(({ labels: { job = '', instance = '' }, value }) => ({ job, instance, up: value === 1 }))
    const firing = [...new Set(alerts.map(({ labels }) => labels['alertname'] ?? ''))].sort()
    return { at: Date.now(), targets, series: all, firing }
  }
}
