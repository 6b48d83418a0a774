/** The three services as they run in a fleet, under a real Prometheus: every query of the seed has its answer, with real figures. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { startSandbox } from '../../src/sandbox/index.ts'
import { assertSeedQueries } from '../monitoring/seed-queries.ts'
import type { ServicePorts } from '../monitoring/prometheus.ts'
import { freshDatabase, freshRedis, needs, prometheusBinary, promtoolBinary } from '../harness/services.ts'
import { anyPort, identities, portsOf, Restartable, upstreams } from './programs.ts'
import { until } from './until.ts'

const check = async (text: string): Promise<string> => {
  const promtool = promisify(execFile)(await promtoolBinary(), ['check', 'metrics'])
  promtool.child.stdin?.end(text)
  const { stdout, stderr } = await promtool
  return stdout + stderr
}

const scrape = async (port: number): Promise<string> =>
  (await fetch(`http://127.0.0.1:${port}/metrics`)).text()

const valueOf = (text: string, name: string): number =>
  Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.split(' ')[1] ?? 0,
  )

/** Counters of the seed that a working pipeline has moved. */
const MOVED = {
  ingester: 'ingester_firehose_events_total',
  backfiller: 'backfiller_records_extracted_total',
  indexer: 'indexer_db_writes_total',
} as const

const allMoved = async (ports: ServicePorts): Promise<true | null> => {
  for (const name of ['ingester', 'backfiller', 'indexer'] as const)
    if (valueOf(await scrape(ports[name]), MOVED[name]) === 0) return null
  return true
}

test(
  'three processes at work answer every query of the seed, and promtool finds nothing to say about their metrics',
  needs('redis', 'pg', 'prom'),
  async (t) => {
    await using stack = new AsyncDisposableStack()
    const network = await startSandbox({
      seed: 'prometheus',
      accounts: 30,
      records: 100_000,
      backfillShare: 0.01,
      ratePerSecond: 50,
    })
    stack.defer(() => network.close())
    const redis = stack.use(await freshRedis())
    const database = stack.use(await freshDatabase({ migrated: true }))
    const streams = ['--redis-url', redis.url]
    const run = (...args: string[]): Restartable => stack.use(new Restartable([...args, ...streams]))
    const fleet = [
      run('ingester', ...upstreams(network), ...anyPort('ingester')),
      run('backfiller', ...identities(network, false), ...anyPort('backfiller')),
      run('indexer', ...identities(network), ...anyPort('indexer'), '--database-url', database.url),
    ]
    const ports = await portsOf(...fleet.map(({ running }) => running))
    await until('each service has done something', () => allMoved(ports))
    const answers = await assertSeedQueries({ prometheusBinary: await prometheusBinary(), ports })
    t.diagnostic(`${answers.size} expressions answered`)
    for (const name of Object.values(MOVED)) {
      const service = name.slice(0, name.indexOf('_'))
      const [series] = answers.get(`${name}{job="rust-${service}"}`) ?? []
      assert.ok((series?.value ?? 0) > 0, name)
    }
    for (const [service, port] of Object.entries(ports))
      assert.equal(await check(await scrape(port)), '', service)
    for (const program of fleet) await program.stop()
  },
)
