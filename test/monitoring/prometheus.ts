/** A real Prometheus for tests: on a free loopback port, its data in a folder that goes with it. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sampleValue } from '../../src/monitoring/exposition.ts'
import { sleep } from '../../src/lib/backoff.ts'
import { freePort } from '../harness/services.ts'

const CONFIG = join(import.meta.dirname, '../../monitoring/prometheus.local.yml')
const START_TIMEOUT_MS = 60_000

export type ServicePorts = {
  readonly ingester: number
  readonly backfiller: number
  readonly indexer: number
}
export type Series = { readonly labels: Readonly<Record<string, string>>; readonly value: number }
export type AlertRule = {
  readonly name: string
  readonly health: string
  readonly state: string
  readonly lastError?: string
}

export type Prometheus = AsyncDisposable & {
  readonly url: string
  /** The instant value of an expression; rejects when Prometheus cannot evaluate it. */
  query(expression: string): Promise<readonly Series[]>
  alertRules(): Promise<readonly AlertRule[]>
}

/** Our own local configuration with other ports and a scrape each second, so that a rate exists after two. */
const configFor = async (ports: ServicePorts, own: number, ruleFile: string | null): Promise<string> => {
  const text = (await readFile(CONFIG, 'utf8'))
    .replace('127.0.0.1:4100', `127.0.0.1:${ports.ingester}`)
    .replace('127.0.0.1:9091', `127.0.0.1:${ports.backfiller}`)
    .replace('127.0.0.1:9093', `127.0.0.1:${ports.indexer}`)
    .replace('localhost:9090', `127.0.0.1:${own}`)
    .replaceAll(/_interval: \d+s/g, '_interval: 1s')
  const rules = ruleFile === null ? '' : `rule_files: [${JSON.stringify(ruleFile)}]\n`
  return text.replace(/^rule_files:\n( .*\n)+/m, rules).replace(/^alerting:\n( .*\n)+/m, '')
}

export const startPrometheus = async (
  binary: string,
  ports: ServicePorts,
  rules: string | null = null,
): Promise<Prometheus> => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-prometheus-'))
  const port = await freePort()
  const file = (name: string) => join(folder, name)
  if (rules !== null) await writeFile(file('rules.yml'), rules)
  await writeFile(
    file('prometheus.yml'),
    await configFor(ports, port, rules === null ? null : file('rules.yml')),
  )
  const args = [
    `--config.file=${file('prometheus.yml')}`,
    `--storage.tsdb.path=${file('data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=warn',
  ]
  const child = spawn(binary, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const url = `http://127.0.0.1:${port}`
  const dispose = async () => {
    child.kill('SIGKILL')
    await exited
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
  try {
    await untilReady(url, child)
  } catch (error) {
    await dispose()
    throw error
  }
  return {
    url,
    query: (expression) => query(url, expression),
    alertRules: () => alertRules(url),
    [Symbol.asyncDispose]: dispose,
  }
}

const untilReady = async (url: string, child: ChildProcess): Promise<void> => {
  let said = ''
  child.stderr?.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-4_000)))
  const deadline = Date.now() + START_TIMEOUT_MS
  for (;;) {
    if (child.exitCode !== null) throw new Error(`prometheus ended during its start: ${said}`)
    const answer = await fetch(`${url}/-/ready`).catch(() => null)
    await answer?.text()
    if (answer?.ok) return
    if (Date.now() > deadline) throw new Error(`prometheus is not ready: ${said}`)
    await sleep(50)
  }
}

type ApiAnswer<T> = { readonly status: string; readonly error?: string; readonly data: T }

const api = async <T>(url: string, init?: RequestInit): Promise<T> => {
  const response = await fetch(url, init)
  const answer = (await response.json()) as ApiAnswer<T>
  if (answer.status !== 'success') throw new Error(answer.error ?? `HTTP ${response.status}`)
  return answer.data
}

type VectorResult = {
  readonly result: readonly { metric: Record<string, string>; value: [number, string] }[]
}

const query = async (url: string, expression: string): Promise<readonly Series[]> => {
  const body = new URLSearchParams({ query: expression })
  const { result } = await api<VectorResult>(`${url}/api/v1/query`, { method: 'POST', body })
  return result.map(({ metric, value }) => ({ labels: metric, value: sampleValue(value[1]) }))
}

const alertRules = async (url: string): Promise<readonly AlertRule[]> => {
  const { groups } = await api<{ groups: readonly { rules: readonly AlertRule[] }[] }>(`${url}/api/v1/rules`)
  return groups.flatMap(({ rules }) => rules)
}
