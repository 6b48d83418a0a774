/** Those who watch: a real Prometheus with the production rules and a real Alertmanager with the production routes, made faster. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { sampleValue } from '../../src/monitoring/exposition.ts'
import { findProgram, type Program as Binary } from '../harness/binaries.ts'
import { freePort } from '../harness/services.ts'
import { alertmanagerConfig, prometheusConfig, type PrometheusConfig, type Targets } from './configs.ts'
import { drillClock } from './clock.ts'
import { answers, Program } from './program.ts'
import { drillRules } from './rules.ts'

export type Active = {
  readonly name: string
  readonly state: string
  readonly labels: Readonly<Record<string, string>>
}

export type Prometheus = {
  readonly url: string
  readonly program: Program
  /** Alerts that are pending or firing. */
  alerts(): Promise<readonly Active[]>
  /** The instant value of an expression: its series. */
  query(expression: string): Promise<readonly { labels: Record<string, string>; value: number }[]>
  /** Takes another configuration, or (null) its own again; whether it could read it. */
  reload(change: ((config: PrometheusConfig) => unknown) | null): Promise<boolean>
  /** Takes a file of rules besides its own, or (null) none; whether it could read it. */
  addRules(text: string | null): Promise<boolean>
}

export const binaryOf = (program: Binary): string => {
  const path = findProgram(program)
  if (path === null) throw new Error(`${program} is not on this machine`)
  return path
}

export type Watched = { readonly targets: Targets; readonly folder: string; readonly port: number }

const LIMITS = [
  `--query.lookback-delta=${drillClock.range(300)}`,
  '--rules.alert.resend-delay=2s',
  '--rules.alert.for-grace-period=2s',
]

export const openPrometheus = (watched: Watched, alertmanager: string): Prometheus => {
  const folder = join(watched.folder, 'prometheus')
  mkdirSync(folder)
  const file = (name: string) => join(folder, name)
  const files = { config: file('prometheus.yml'), rules: file('rules'), more: file('more.yml') }
  const config = prometheusConfig(watched.targets, [join(files.rules, '*.yml'), files.more], alertmanager)
  writeFileSync(files.config, stringify(config))
  mkdirSync(files.rules)
  for (const [name, text] of drillRules()) writeFileSync(join(files.rules, name), text)
  writeFileSync(files.more, 'groups: []')
  const url = `http://127.0.0.1:${watched.port}`
  const program = new Program({
    command: binaryOf('prometheus'),
    args: [
      `--config.file=${files.config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${watched.port}`,
      '--web.enable-lifecycle',
      '--log.level=warn',
      ...LIMITS,
    ],
    logFile: join(watched.folder, 'prometheus.log'),
    isReady: () => answers(`${url}/-/ready`),
  })
  const reload = async (file: string, text: string): Promise<boolean> => {
    writeFileSync(file, text)
    return (await fetch(`${url}/-/reload`, { method: 'POST' })).ok
  }
  return {
    url,
    program,
    alerts: () => alertsAt(url),
    query: (expression) => queryAt(url, expression),
    reload: (change) => {
      const copy = structuredClone(config)
      return reload(files.config, stringify(change === null ? config : change(copy)))
    },
    addRules: (text) => reload(files.more, text ?? 'groups: []'),
  }
}

const api = async <T>(url: string, init?: RequestInit): Promise<T> => {
  const answer = (await (await fetch(url, init)).json()) as { status: string; error?: string; data: T }
  if (answer.status !== 'success') throw new Error(answer.error ?? url)
  return answer.data
}

const alertsAt = async (url: string): Promise<readonly Active[]> => {
  const { alerts } = await api<{ alerts: { state: string; labels: Record<string, string> }[] }>(
    `${url}/api/v1/alerts`,
  )
  return alerts.map(({ state, labels }) => ({ state, labels, name: labels['alertname'] ?? '' }))
}

const queryAt = async (url: string, expression: string) => {
  const body = new URLSearchParams({ query: expression })
  const { result } = await api<{ result: { metric: Record<string, string>; value: [number, string] }[] }>(
    `${url}/api/v1/query`,
    { method: 'POST', body },
  )
  return result.map(({ metric, value }) => ({ labels: metric, value: sampleValue(value[1]) }))
}

export type Alertmanager = { readonly url: string; readonly address: string; readonly program: Program }

export const openAlertmanager = async (webhook: string, folder: string): Promise<Alertmanager> => {
  const port = await freePort()
  const own = join(folder, 'alertmanager')
  mkdirSync(own)
  const config = join(own, 'alertmanager.yml')
  writeFileSync(config, alertmanagerConfig(webhook))
  const url = `http://127.0.0.1:${port}`
  const program = new Program({
    command: binaryOf('alertmanager'),
    args: [
      `--config.file=${config}`,
      `--storage.path=${join(own, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
      '--log.level=warn',
    ],
    logFile: join(folder, 'alertmanager.log'),
    isReady: () => answers(`${url}/-/ready`),
  })
  return { url, address: `127.0.0.1:${port}`, program }
}
