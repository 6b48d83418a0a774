import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkPrometheus } from '../../src/cli/doctor/prometheus/examine.ts'
import { readPrometheus, type PrometheusFacts } from '../../src/cli/doctor/prometheus/facts.ts'
import { sleep } from '../../src/lib/backoff.ts'
import { freePort, needs, prometheusBinary } from '../harness/services.ts'

const METRICS = '# TYPE ingester_errors_total counter\ningester_errors_total 1\nup_here 1\n'

const RULES = `groups:
  - name: ours
    rules:
      - alert: Renamed
        expr: ingester_mistakes_total > 0
      - alert: Ambiguous
        expr: up_here * on () {__name__=~"up_here|ingester_errors_total"}
`

const DASHBOARD = {
  title: 'Health',
  panels: [{ title: 'Errors', targets: [{ expr: 'rate(ingester_errors{job=~"$job"}[$__rate_interval])' }] }],
}

const configOf = (up: number, gone: number) => `global:
  scrape_interval: 1s
  evaluation_interval: 1s
rule_files: [rules.yml]
scrape_configs:
  - job_name: rust-ingester
    static_configs: [{ targets: ['127.0.0.1:${up}'] }]
  - job_name: rust-indexer
    static_configs: [{ targets: ['127.0.0.1:${gone}'] }]
`

const until = async (look: () => Promise<boolean>, signal: AbortSignal) => {
  while (!(await look())) {
    if (signal.aborted) throw new Error('it never came to be')
    await sleep(250, signal)
  }
}

const start = async (folder: string, port: number) => {
  const storage = `--storage.tsdb.path=${join(folder, 'data')}`
  const config = `--config.file=${join(folder, 'prometheus.yml')}`
  const child = spawn(await prometheusBinary(), [config, storage, `--web.listen-address=127.0.0.1:${port}`], {
    stdio: 'ignore',
  })
  const ended = new Promise((resolve) => child.once('close', resolve))
  return {
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL')
      await ended
    },
  }
}

const examine = async (facts: () => Promise<PrometheusFacts>, signal: AbortSignal) => {
  const isSettled = ({ targets, rules }: PrometheusFacts) =>
    targets.length === 2 &&
    targets.every(({ health }) => health !== 'unknown') &&
    rules.some(({ health }) => health === 'err')
  await until(async () => isSettled(await facts()), signal)
  return checkPrometheus(await facts())
}

test(
  'a real Prometheus: what is DOWN, not loaded, misnamed or failing is told each by itself',
  needs('prom'),
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-test-doctor-'))
    const target = createServer((_, answer) => answer.end(METRICS)).listen(0, '127.0.0.1')
    try {
      await new Promise((resolve) => target.once('listening', resolve))
      const { port: up } = target.address() as AddressInfo
      const [port, gone] = [await freePort(), await freePort()]
      await writeFile(join(folder, 'prometheus.yml'), configOf(up, gone))
      await writeFile(join(folder, 'rules.yml'), RULES)
      await writeFile(join(folder, 'health.json'), JSON.stringify(DASHBOARD))
      await using _server = await start(folder, port)
      const url = `http://127.0.0.1:${port}`
      const facts = () => readPrometheus({ url, dashboards: folder, signal: t.signal, timeoutMs: 10_000 })
      const findings = await examine(facts, t.signal)
      const textOf = (id: string) =>
        findings.filter((finding) => finding.id === id).map(({ what, why }) => `${what} ${why ?? ''}`)
      assert.match(
        textOf('prometheus.target_down').join(),
        /^rust-indexer .* is DOWN: .*Process: none listens on port/,
      )
      assert.match(textOf('prometheus.job_missing').join(), /rust-backfiller.*job prometheus/)
      assert.match(textOf('prometheus.rules_missing').join(), /None of the \d+ shipped rules/)
      assert.match(textOf('prometheus.rule_error').join(), /Rule Ambiguous \(group ours\)/)
      assert.match(textOf('prometheus.alertmanager').join(), /No Alertmanager/)
      const names = textOf('prometheus.names').join()
      assert.match(names, /2 metric names .*ingester_mistakes_total \(rule Renamed\)/)
      assert.match(names, /ingester_errors \(Health \/ Errors\)/)
    } finally {
      target.closeAllConnections()
      target.close()
      await rm(folder, { recursive: true, force: true })
    }
  },
)
