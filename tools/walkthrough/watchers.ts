/** Prometheus and Alertmanager with the configurations of `monitoring/`; what is changed in them for this machine is here. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { answers, Program } from '../../test/drill/program.ts'
import { binaryOf } from '../../test/drill/watchers.ts'
import { freePort } from '../../test/harness/services.ts'
import type { Road } from './road.ts'

const MONITORING = join(import.meta.dirname, '../../monitoring')

type Job = {
  job_name: string
  honor_labels?: boolean
  proxy_url?: string
  static_configs: { targets: string[]; labels?: Record<string, string> }[]
}
type Alerting = { alertmanagers: { proxy_url?: string; static_configs: { targets: string[] }[] }[] }
export type Config = {
  global: Record<string, unknown>
  rule_files: string[]
  alerting?: Alerting
  scrape_configs: Job[]
}
/** A last change, for who wants another configuration in its place. */
export type Adapt = (config: Config) => Config

type Place = { readonly folder: string; readonly road: Road }

/** Only what runs is asked, through the road; three times as often, as monitoring/prometheus.local.yml has it. */
const fitted = (config: Config, { road }: Place, running: readonly string[]): Config => {
  const isHere = (target: string) =>
    !target.startsWith('indexer') || running.includes(target.split(':')[0] ?? '')
  return {
    ...config,
    global: { ...config.global, scrape_interval: '5s', evaluation_interval: '5s' },
    rule_files: config.rule_files.map((pattern) => join(MONITORING, pattern)),
    ...(config.alerting && {
      alerting: {
        alertmanagers: config.alerting.alertmanagers.map((each) => ({ ...each, proxy_url: road.url })),
      },
    }),
    scrape_configs: config.scrape_configs.map((job) => ({
      ...job,
      proxy_url: road.url,
      static_configs: job.static_configs.map((each) => ({ ...each, targets: each.targets.filter(isHere) })),
    })),
  }
}

export const openPrometheus = async (
  place: Place,
  running: readonly string[],
  adapt: Adapt,
): Promise<Program> => {
  const production = parse(readFileSync(join(MONITORING, 'prometheus.yml'), 'utf8')) as Config
  const file = join(place.folder, 'prometheus.yml')
  writeFileSync(file, stringify(fitted(adapt(production), place, running)))
  const port = await freePort()
  place.road.lead(['localhost:9090', 'prometheus:9090'], port)
  return new Program({
    command: binaryOf('prometheus'),
    args: [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(place.folder, 'prometheus-data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--web.enable-lifecycle',
      '--log.level=warn',
    ],
    logFile: join(place.folder, 'prometheus.log'),
    isReady: () => answers(`http://127.0.0.1:${port}/-/ready`),
  })
}

export const openAlertmanager = async ({ folder, road }: Place): Promise<Program> => {
  const port = await freePort()
  road.lead(['alertmanager:9093', 'localhost:9193'], port)
  const data = join(folder, 'alertmanager-data')
  mkdirSync(data)
  return new Program({
    command: binaryOf('alertmanager'),
    args: [
      `--config.file=${join(MONITORING, 'alertmanager.yml')}`,
      `--storage.path=${data}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
      '--log.level=error',
    ],
    logFile: join(folder, 'alertmanager.log'),
    isReady: () => answers(`http://127.0.0.1:${port}/-/ready`),
  })
}
