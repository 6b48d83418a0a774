/** The three services as processes on Redis and PostgreSQL, the sandbox before them, a real Prometheus with all rules behind. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { parse, stringify } from 'yaml'
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts'
import { run as runProgram } from '../cli/program.ts'
import { anyPort, identities, portsOf, Restartable, upstreams } from '../e2e/programs.ts'
import { freshDatabase, freshRedis, prometheusBinary } from '../harness/services.ts'
import { type Prometheus, startPrometheus } from '../monitoring/prometheus.ts'

export type Load = { readonly accounts: number; readonly records: number; readonly ratePerSecond: number }

/** A network that says nothing: every figure stands where it stood at boot. */
export const IDLE: Load = { accounts: 3, records: 0, ratePerSecond: 0 }

const folder = new URL('../../monitoring/rules/', import.meta.url)

/** All rule files as one. */
export const allRules = (): string => {
  const files = readdirSync(folder).filter((name) => name.endsWith('.yml'))
  const groups = files.flatMap((name) => {
    const file = parse(readFileSync(new URL(name, folder), 'utf8')) as { groups: unknown[] }
    return file.groups
  })
  return stringify({ groups })
}

/** Settings an operator would have: a limit, no eviction, persistence. */
const REDIS = ['--maxmemory', '256mb', '--maxmemory-policy', 'noeviction', '--appendonly', 'yes']

export const startLive = async (
  stack: AsyncDisposableStack,
  load: Load,
): Promise<{ network: Sandbox; prometheus: Prometheus }> => {
  const network = await startSandbox({ seed: 'dashboards', backfillShare: 0.3, ...load })
  stack.defer(() => network.close())
  const redis = stack.use(await freshRedis({ args: REDIS }))
  const database = stack.use(await freshDatabase({ migrated: true }))
  const streams = ['--redis-url', redis.url]
  const run = (...args: string[]): Restartable => stack.use(new Restartable([...args, ...streams]))
  const fleet = [
    run('ingester', ...upstreams(network), ...anyPort('ingester')),
    run('backfiller', ...identities(network, false), ...anyPort('backfiller')),
    run('indexer', ...identities(network), ...anyPort('indexer'), '--database-url', database.url),
  ]
  const ports = await portsOf(...fleet.map(({ running }) => running))
  // As an operator does now and then, while the indexer works: without one nothing is known of drift.
  const recounted = await runProgram(['recount', '--database-url', database.url])
  assert.equal(recounted.code, 0, recounted.stdout + recounted.stderr)
  return {
    network,
    prometheus: stack.use(await startPrometheus(await prometheusBinary(), ports, allRules())),
  }
}
