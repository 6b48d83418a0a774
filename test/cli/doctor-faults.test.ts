/** Findings that take two machines or two builds to come about: clocks and versions, told by real answers over HTTP. */
import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test, type TestContext } from 'node:test'
import type { Report } from '../../src/cli/doctor/finding.ts'
import { startSandbox } from '../../src/sandbox/index.ts'
import { run } from './program.ts'

type Answers = { readonly version: string; readonly clockAheadSeconds: number }

const STATUS = { service: 'ingester', store: 'redis', upstreams: [], streams: [], totals: {}, problems: [] }

/** As much of a service as the doctor asks for, of any version and with any clock. */
const serve = async (t: TestContext, { version, clockAheadSeconds }: Answers): Promise<string> => {
  const pages: Readonly<Record<string, string>> = {
    '/metrics': '# TYPE ingester_firehose_events_total counter\ningester_firehose_events_total 1\n',
    '/status': JSON.stringify({ ...STATUS, version }),
  }
  const server = createServer((asked, answer) => {
    answer.setHeader('date', new Date(Date.now() + clockAheadSeconds * 1_000).toUTCString())
    answer.end(pages[asked.url ?? ''] ?? '{"reasons":[]}')
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

const examine = async (...args: string[]) => {
  const { code, stdout, stderr } = await run(['doctor', '--json', '--probe-timeout', '60s', ...args])
  const report = JSON.parse(stdout || '{}') as Report
  assert.ok(report.groups, stderr)
  const found = report.groups.flatMap(({ findings }) => findings)
  return { code, of: (id: string) => found.filter((finding) => finding.id === id) }
}

test('a clock that is far off and a service of another version are told', async (t) => {
  const urls = [
    await serve(t, { version: '1.0.0', clockAheadSeconds: 0 }),
    await serve(t, { version: '1.1.0', clockAheadSeconds: 3_600 }),
  ]
  const { code, of } = await examine('--only', 'services', '--services', urls.join(','))
  const [clock, ...others] = of('services.clock')
  assert.deepEqual(others, [])
  assert.equal(clock?.severity, 'error')
  assert.match(clock?.what ?? '', new RegExp(`${urls[1]} is .*ahead of the one here`))
  const [versions] = of('services.versions')
  assert.equal(versions?.severity, 'warning')
  assert.match(versions?.what ?? '', /1\.0\.0, 1\.1\.0/)
  assert.equal(code, 3)
})

test('services of one version with the clock of here are told as such', async (t) => {
  const same = { version: '1.0.0', clockAheadSeconds: 0 }
  const urls = [await serve(t, same), await serve(t, same)]
  const { of } = await examine('--only', 'services', '--services', urls.join(','))
  assert.deepEqual(of('services.clock'), [])
  assert.equal(of('services.versions')[0]?.severity, 'ok')
})

test('relays, labelers and the directory are asked with --network only, and each that fails is told', async (t) => {
  const network = await startSandbox({ seed: 'doctor', accounts: 4, records: 10, ratePerSecond: 0 })
  t.after(() => network.close())
  const hosts = [
    '--relay-hosts',
    network.relayUrls.join(','),
    '--labeler-hosts',
    network.labelerUrls.join(','),
  ]
  const known = [
    '--only',
    'network',
    ...hosts,
    '--plc-url',
    network.plcUrl,
    '--services',
    'http://127.0.0.1:9',
  ]
  const unasked = await examine(...known)
  assert.equal(unasked.of('network.not_asked')[0]?.severity, 'info')
  const severities = async () => {
    const { code, of } = await examine(...known, '--network')
    const kinds = ['relay', 'labeler', 'directory'].map((kind) => of(`network.${kind}`)[0]?.severity)
    return [code, ...kinds]
  }
  assert.deepEqual(await severities(), [0, 'ok', 'ok', 'ok'])
  network.setFault('http_5xx', { target: 'relay' })
  assert.deepEqual(await severities(), [3, 'warning', 'ok', 'ok'])
  network.setFault('http_5xx', null)
  network.setFault('plc_down', {})
  assert.deepEqual(await severities(), [3, 'ok', 'ok', 'warning'])
})
