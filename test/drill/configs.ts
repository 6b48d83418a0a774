/**
 * The production configurations of Prometheus and Alertmanager, made fit for a drill: intervals shortened, addresses those of the
 * stack, and nothing else changed. Refuses a job or a receiver it does not know, so that nothing of production goes undrilled.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import type { Alert } from '../../src/monitoring/alerts/alert.ts'
import { parseDuration, type Pace } from './clock.ts'

const FOLDER = join(import.meta.dirname, '../../monitoring')
const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8')

type Job = {
  job_name: string
  static_configs: { targets: string[]; labels?: Record<string, string> }[]
}
export type PrometheusConfig = {
  global: { scrape_interval: string; evaluation_interval: string }
  rule_files?: string[]
  alerting?: unknown
  scrape_configs: Job[]
}

export const SCRAPE = '2s'

const production = (): PrometheusConfig => parse(read('prometheus.yml')) as PrometheusConfig

const withShortIntervals = (config: PrometheusConfig): PrometheusConfig =>
  JSON.parse(
    JSON.stringify(config, (key, value: unknown) =>
      /_(interval|timeout)$/.test(key) && typeof value === 'string' ? SCRAPE : value,
    ),
  ) as PrometheusConfig

export type Targets = Readonly<Record<string, readonly string[]>>

/** Every job of production with the targets of the stack. */
export const prometheusConfig = (
  targets: Targets,
  ruleFiles: readonly string[],
  alertmanager: string,
): PrometheusConfig => {
  const config = withShortIntervals(production())
  const jobs = config.scrape_configs.map((job) => {
    const ours = targets[job.job_name]
    if (ours === undefined) throw new Error(`the drills have no target for job ${job.job_name}`)
    const [first] = job.static_configs
    return { ...job, static_configs: [{ ...first, targets: [...ours] }] }
  })
  return {
    ...config,
    rule_files: [...ruleFiles],
    alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager] }] }] },
    scrape_configs: jobs,
  }
}

const INTERVALS = new Set(['group_wait', 'group_interval', 'repeat_interval', 'resolve_timeout'])
/** Below this Alertmanager sends what belongs together in pieces. */
const SHORTEST_WAIT_SECONDS = 1

const shorter = (text: string): string =>
  `${Math.max(SHORTEST_WAIT_SECONDS, Math.ceil(parseDuration(text) / 60))}s`

const withShortWaits = (config: AlertmanagerConfig): AlertmanagerConfig =>
  JSON.parse(
    JSON.stringify(config, (key, value: unknown) =>
      INTERVALS.has(key) && typeof value === 'string' ? shorter(value) : value,
    ),
  ) as AlertmanagerConfig

type Receiver = { name: string; webhook_configs?: Record<string, unknown>[] }

/** Whoever is told in production, tells us in the same way; whoever is told nothing, still is told nothing. */
const toWebhook =
  (webhook: string) =>
  (receiver: Receiver): Receiver => {
    const { name, webhook_configs: hooks, ...others } = receiver
    if (Object.keys(others).length > 0) throw new Error(`the drills hear webhooks only, not ${name}`)
    if (hooks === undefined) return { name }
    return { name, webhook_configs: hooks.map((hook) => ({ ...hook, url: `${webhook}/${name}` })) }
  }

type Route = { group_wait?: string; matchers?: string[]; routes?: Route[] }
type AlertmanagerConfig = { route: Route; receivers: Receiver[] }

const productionAlertmanager = (): AlertmanagerConfig => parse(read('alertmanager.yml')) as AlertmanagerConfig

export const alertmanagerConfig = (webhook: string): string => {
  const config = withShortWaits(productionAlertmanager())
  return stringify({ ...config, receivers: config.receivers.map(toWebhook(webhook)) })
}

/** `severity = "critical"` against the labels an alert goes out with; other operators match none of our own routes. */
const takes = (labels: Readonly<Record<string, string>>, matchers: readonly string[] = []): boolean =>
  matchers.every((matcher) => {
    const [, name = '', value] = /^\s*(\w+)\s*=\s*"([^"]*)"\s*$/.exec(matcher) ?? []
    return labels[name] === value
  })

const groupWait = ({ name, severity }: Routed): string => {
  const { route } = productionAlertmanager()
  const own = route.routes?.find(({ matchers }) => takes({ alertname: name, severity }, matchers))
  return own?.group_wait ?? route.group_wait ?? '30s'
}

type Routed = Pick<Alert, 'name' | 'severity'>

export const productionPace = (alert: Routed): Pace => {
  const { global } = production()
  return {
    scrapeSeconds: parseDuration(global.scrape_interval),
    evaluationSeconds: parseDuration(global.evaluation_interval),
    groupWaitSeconds: parseDuration(groupWait(alert)),
  }
}

export const drillPace = (alert: Routed): Pace => ({
  scrapeSeconds: parseDuration(SCRAPE),
  evaluationSeconds: parseDuration(SCRAPE),
  groupWaitSeconds: parseDuration(shorter(groupWait(alert))),
})
