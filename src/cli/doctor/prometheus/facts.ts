/** What a Prometheus says of its targets, rules and neighbours. Sends nothing but questions. */
import { ask, askJson, type Asked, type AskOptions } from '../http.ts'
import { readDashboards, SHIPPED, type Use } from './dashboards.ts'
import { metricNames } from './promql.ts'

export type Target = {
  readonly job: string
  readonly instance: string
  readonly health: string
  readonly lastError: string
  readonly scrapeUrl: string
  readonly lastScrape: string
  readonly interval: string
  /** The same address asked from here; only for targets that are DOWN. */
  readonly fromHere: Asked | null
}

export type Rule = {
  readonly name: string
  readonly group: string
  readonly type: 'alerting' | 'recording'
  readonly query: string
  readonly health: string
  readonly lastError: string
  readonly forSeconds: number
}

export type PrometheusFacts = {
  readonly url: string
  readonly failure: string | null
  readonly version: string
  readonly reloadFailed: boolean
  readonly targets: readonly Target[]
  readonly rules: readonly Rule[]
  readonly alertmanagers: readonly string[]
  /** Null when there is no such folder. */
  readonly dashboards: readonly Use[] | null
  /** Names used by rules and dashboards that have a series now. */
  readonly present: ReadonlySet<string>
  /** Seconds since the oldest stored sample. */
  readonly storedSeconds: number | null
  readonly clockSkewSeconds: number
}

export type PrometheusAsked = AskOptions & { readonly url: string; readonly dashboards: string | null }

type Json = Readonly<Record<string, unknown>>
const asJson = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {})
const asList = (value: unknown): readonly Json[] => (Array.isArray(value) ? value.map(asJson) : [])
const asText = (value: unknown): string => (typeof value === 'string' ? value : '')

export const readPrometheus = async (asked: PrometheusAsked): Promise<PrometheusFacts> => {
  const url = asked.url.replace(/\/+$/, '')
  const data = async (path: string): Promise<Json> =>
    asJson(asJson(await askJson(`${url}/api/v1/${path}`, asked))['data'])
  try {
    return await readAll(asked, url, data)
  } catch (cause) {
    return { ...NOTHING, url, failure: cause instanceof Error ? cause.message : String(cause) }
  }
}

const NOTHING: Omit<PrometheusFacts, 'url'> = {
  failure: null,
  version: '',
  reloadFailed: false,
  targets: [],
  rules: [],
  alertmanagers: [],
  dashboards: null,
  present: new Set(),
  storedSeconds: null,
  clockSkewSeconds: 0,
}

type Data = (path: string) => Promise<Json>

const readAll = async (asked: PrometheusAsked, url: string, data: Data): Promise<PrometheusFacts> => {
  const [build, runtime, targets, rules, managers, tsdb, clock, dashboards] = await Promise.all([
    data('status/buildinfo'),
    data('status/runtimeinfo'),
    data('targets?state=active'),
    data('rules'),
    data('alertmanagers'),
    data('status/tsdb').catch((): Json => ({})),
    data('query?query=time()'),
    readDashboards(asked.dashboards ?? SHIPPED),
  ])
  const loaded = asList(rules['groups']).flatMap(rulesOf)
  const names = [
    ...loaded.flatMap(({ query }) => metricNames(query)),
    ...(dashboards ?? []).map(({ name }) => name),
  ]
  const oldestMs = Number(asJson(tsdb['headStats'])['minTime'])
  const now = Array.isArray(clock['result']) ? Number(clock['result'][1]) : Number.NaN
  return {
    url,
    failure: null,
    version: asText(build['version']),
    reloadFailed: runtime['reloadConfigSuccess'] === false,
    targets: await Promise.all(asList(targets['activeTargets']).map((target) => targetOf(target, asked))),
    rules: loaded,
    alertmanagers: asList(managers['activeAlertmanagers']).map((one) => asText(one['url'])),
    dashboards,
    present: await readPresent([...new Set(names)], data),
    storedSeconds: oldestMs > 0 && oldestMs < Date.now() ? (Date.now() - oldestMs) / 1_000 : null,
    clockSkewSeconds: Number.isNaN(now) ? 0 : now - Date.now() / 1_000,
  }
}

const targetOf = async (target: Json, asked: AskOptions): Promise<Target> => {
  const labels = asJson(target['labels'])
  const health = asText(target['health'])
  const scrapeUrl = asText(target['scrapeUrl'])
  return {
    job: asText(labels['job']),
    instance: asText(labels['instance']),
    health,
    lastError: asText(target['lastError']),
    scrapeUrl,
    lastScrape: asText(target['lastScrape']),
    interval: asText(target['scrapeInterval']),
    fromHere: health === 'down' ? await ask(scrapeUrl, asked) : null,
  }
}

const rulesOf = (group: Json): Rule[] =>
  asList(group['rules']).map((rule) => ({
    name: asText(rule['name']),
    group: asText(group['name']),
    type: rule['type'] === 'recording' ? 'recording' : 'alerting',
    query: asText(rule['query']),
    health: asText(rule['health']),
    lastError: asText(rule['lastError']),
    forSeconds: Number(rule['duration'] ?? 0),
  }))

/** A URL bears so many names. */
const NAMES_PER_QUERY = 60

const readPresent = async (names: readonly string[], data: Data): Promise<Set<string>> => {
  const parts = Array.from({ length: Math.ceil(names.length / NAMES_PER_QUERY) }, (_, i) =>
    names.slice(i * NAMES_PER_QUERY, (i + 1) * NAMES_PER_QUERY),
  )
  const found = await Promise.all(
    parts.map(async (part) => {
      const query = `group by (__name__) ({__name__=~"${part.join('|')}"})`
      const { result } = await data(`query?query=${encodeURIComponent(query)}`)
      return asList(result).map((series) => asText(asJson(series['metric'])['__name__']))
    }),
  )
  return new Set(found.flat())
}
