/** The doctor in front of a fleet that has nothing: it must find nothing. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Report } from '../../src/cli/doctor/finding.ts'
import { untilTrue } from '../../tools/walkthrough/ask.ts'
import { type Fleet, openFleet, SERVICES } from '../../tools/walkthrough/fleet.ts'
import { needs } from '../harness/services.ts'
import { run } from './program.ts'

const NEEDS = { ...needs('redis', 'pg', 'prom', 'alerts'), timeout: 290_000 }

const openHealthyFleet = async (): Promise<Fleet> => {
  const fleet = await openFleet()
  for (const { kind } of fleet.network.faults().active) fleet.network.setFault(kind, null)
  await fleet.relay.mend()
  for (const [name, program] of fleet.programs) if (name.startsWith('indexer')) await program.start()
  fleet.network.setRate(20)
  await untilTrue(fleet, `count(up == 1) >= bool ${SERVICES.length + 4}`)
  await untilTrue(fleet, 'min(service_ready)')
  return fleet
}

/** Services and Prometheus by the names they are deployed under, the stores by their addresses here. */
const examine = async ({ road, redis, database, relay, network }: Fleet) => {
  const ports = [4100, 9091, 9092, 9093, 9094]
  const args = [
    ...['doctor', '--json', '--network', '--probe-timeout', '60s', '--plc-url', network.plcUrl],
    ...['--services', ports.map((port) => `http://localhost:${port}`).join(',')],
    ...['--prometheus', 'http://localhost:9090', '--redis-url', redis.url, '--database-url', database.url],
    ...['--relay-hosts', relay.url, '--labeler-hosts', network.labelerUrls.join(',')],
  ]
  const env = { NODE_USE_ENV_PROXY: '1', http_proxy: road.url, no_proxy: '127.0.0.1' }
  const { code, stdout, stderr } = await run(args, env)
  return { code, stderr, report: JSON.parse(stdout || '{}') as Report }
}

test('a whole stack that is well gives neither warning nor error, and exit code 0', NEEDS, async () => {
  await using fleet = await openHealthyFleet()
  const { code, report, stderr } = await examine(fleet)
  assert.ok(report.groups, stderr)
  const found = report.groups.flatMap(({ findings }) => findings)
  assert.deepEqual(
    found.filter(({ severity }) => severity !== 'ok' && severity !== 'info'),
    [],
  )
  assert.equal(code, 0)
  assert.deepEqual(
    report.groups.filter(({ findings }) => findings.every(({ severity }) => severity !== 'ok')),
    [],
    'each group has looked at something',
  )
})
