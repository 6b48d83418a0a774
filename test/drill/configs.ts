/**
 * The production configurations of Prometheus and Alertmanager, made fit for a drill: intervals shortened, addresses those of the
 * stack, and nothing else changed. Refuses a job or a receiver it does not know, so that nothing of production goes undrilled.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { parseDuration, type Pace } from './clock.ts'
import { PROVISIONAL_ALERTMANAGER } from './provisional.ts'

const FOLDER = join(import.meta.dirname, '../../monitoring')
const read = (name: string): string =>
  existsSync(join(FOLDER, name)) ? readFileSync(join(FOLDER, name), 'utf8') : PROVISIONAL_ALERTMANAGER

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

export const SCRAPE = '1s'

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
  ruleFile: string,
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
    rule_files: [ruleFile],
    alerting: { alertmanagers: [{ static_configs: [{ targets: [alertmanager] }] }] },
    scrape_configs: jobs,
  }
}

type Tree = { [key: string]: Tree | Tree[] | string | number | boolean | null }

const INTERVALS = new Set(['group_wait', 'group_interval', 'repeat_interval', 'resolve_timeout'])
/** Below this Alertmanager sends what belongs together in pieces. */
const SHORTEST_WAIT_SECONDS = 1

const shorter = (text: string): string =>
  `${Math.max(SHORTEST_WAIT_SECONDS, Math.ceil(parseDuration(text) / 60))}s`

const withShortWaits = (tree: Tree): Tree =>
  JSON.parse(
    JSON.stringify(tree, (key, value: unknown) =>
      INTERVALS.has(key) && typeof value === 'string' ? shorter(value) : value,
    ),
  ) as Tree

type Receiver = { name: string } & Record<string, unknown>

/** Whoever is told in production, tells us; whoever is told nothing, still is told nothing. */
const toWebhook =
  (webhook: string) =>
  (receiver: Receiver): unknown => {
    const { name, ...channels } = receiver
    if (Object.keys(channels).length === 0) return { name }
    return { name, webhook_configs: [{ url: `${webhook}/${name}`, send_resolved: true }] }
  }

export const alertmanagerConfig = (webhook: string): string => {
  const config = withShortWaits(parse(read('alertmanager.yml')) as Tree)
  const receivers = config['receivers'] as unknown as Receiver[]
  const { global: _credentialsAndServers, ...rest } = config
  return stringify({ ...rest, receivers: receivers.map(toWebhook(webhook)) })
}

const productionGroupWait = (): string => {
  const { route } = parse(read('alertmanager.yml')) as { route: { group_wait?: string } }
  return route.group_wait ?? '30s'
}

export const productionPace = (): Pace => {
  const { global } = production()
  return {
    scrapeSeconds: parseDuration(global.scrape_interval),
    evaluationSeconds: parseDuration(global.evaluation_interval),
    groupWaitSeconds: parseDuration(productionGroupWait()),
  }
}

export const drillPace = (): Pace => ({
  scrapeSeconds: parseDuration(SCRAPE),
  evaluationSeconds: parseDuration(SCRAPE),
  groupWaitSeconds: parseDuration(shorter(productionGroupWait())),
})
