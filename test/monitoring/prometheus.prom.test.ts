import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { CONTRACT } from '../../src/monitoring/contract.ts'
import { type MonitoringServer, serveMonitoring } from '../../src/monitoring/http.ts'
import { type MetricSpec, registerMetrics } from '../../src/monitoring/metrics.ts'
import { createRegistry, scrape } from '../../src/monitoring/registry.ts'
import type { ServiceName, StatusSource } from '../../src/monitoring/status.ts'
import { needs, prometheusBinary, promtoolBinary } from '../harness/services.ts'
import { startPrometheus } from './prometheus.ts'
import { assertSeedQueries, SEED_ALERTS } from './seed-queries.ts'

const run = promisify(execFile)
const folder = join(import.meta.dirname, '../../monitoring')
const SERVICES = ['ingester', 'backfiller', 'indexer'] as const

for (const file of ['prometheus.yml', 'prometheus.local.yml']) {
  test(`promtool accepts ${file}, and it has the jobs of the seed`, needs('prom'), async () => {
    const { stdout } = await run(await promtoolBinary(), ['check', 'config', join(folder, file)])
    assert.match(stdout, /SUCCESS/)
    const jobs = [...(await readFile(join(folder, file), 'utf8')).matchAll(/job_name: (\S+)/g)].map(
      ([, job]) => job,
    )
    assert.deepEqual(jobs.slice(0, 4), ['rust-ingester', 'rust-backfiller', 'rust-indexer', 'prometheus'])
  })
}

test('promtool finds nothing to say about the series of a new registry', needs('prom'), async () => {
  const { text } = await scrape(createRegistry('ingester', '1.0.0'))
  const promtool = run(await promtoolBinary(), ['check', 'metrics'])
  promtool.child.stdin?.end(text)
  const { stdout, stderr } = await promtool
  assert.equal(stdout + stderr, '')
})

const source: StatusSource = {
  status: () => Promise.reject(new Error('not asked')),
  health: async () => ({ live: true, ready: true, reasons: [] }),
}

/** The endpoint of a service that declares the contract and nothing else; `busy` makes every alert of the seed true. */
const endpoint = async (service: ServiceName, busy: boolean): Promise<MonitoringServer> => {
  const registry = createRegistry(service, '1.0.0')
  const values: Readonly<Record<string, number>> = {
    indexer_pending_messages: 100_001,
    ingester_backpressure_active: 1,
  }
  let failed = 0
  const specs = CONTRACT[service].map(({ name, type }): MetricSpec => {
    const read = () => (busy ? (values[name] ?? 0) : 0)
    return {
      name,
      type,
      help: `The ${name}.`,
      cause: 'this test',
      ...(type === 'gauge' && { collect: read }),
    }
  })
  const handles = registerMetrics(registry, Object.fromEntries(specs.map((spec) => [spec.name, spec])))
  const counter = handles['backfiller_repos_failed_total'] as { inc(by: number): void } | undefined
  const trouble: MetricSpec = {
    name: 'demo_trouble',
    type: 'gauge',
    help: 'Fails many repos.',
    cause: 'a scrape',
    collect: () => {
      if (busy) counter?.inc(1_000)
      return (failed += 1)
    },
  }
  registerMetrics(registry, { trouble })
  return serveMonitoring({ port: 0, host: '127.0.0.1', registry, source })
}

const endpoints = async (busy: boolean) => {
  const servers = await Promise.all(SERVICES.map((service) => endpoint(service, busy)))
  const [ingester = 0, backfiller = 0, indexer = 0] = servers.map(({ port }) => port)
  const close = () => Promise.all(servers.map((server) => server.close()))
  return { ports: { ingester, backfiller, indexer }, close }
}

test(
  'a real Prometheus scrapes three services and answers every query of the seed',
  needs('prom'),
  async () => {
    const { ports, close } = await endpoints(false)
    try {
      const answers = await assertSeedQueries({ prometheusBinary: await prometheusBinary(), ports })
      const up = answers.get('up{job="rust-indexer"}')?.[0]
      assert.deepEqual(up, {
        labels: {
          __name__: 'up',
          job: 'rust-indexer',
          instance: `127.0.0.1:${ports.indexer}`,
          service: 'indexer',
          type: 'rust',
        },
        value: 1,
      })
    } finally {
      await close()
    }
  },
)

test('each alert of the seed is true when its cause is', needs('prom'), async () => {
  const { ports, close } = await endpoints(true)
  try {
    await using prometheus = await startPrometheus(await prometheusBinary(), ports)
    for (const { name, measured, limit } of SEED_ALERTS) {
      const deadline = Date.now() + 60_000
      while ((await prometheus.query(`${measured} ${limit}`)).length === 0) {
        assert.ok(Date.now() < deadline, `${name} never became true`)
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    }
  } finally {
    await close()
  }
})
