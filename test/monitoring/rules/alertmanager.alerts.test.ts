/** monitoring/alertmanager.yml: routes by amtool, inhibition by a real Alertmanager. */
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { parse } from 'yaml'
import { sleep } from '../../../src/lib/backoff.ts'
import { productionClock } from '../../../src/monitoring/alerts/clock.ts'
import { ruleGroups } from '../../../src/monitoring/alerts/index.ts'
import { GROUP_WAIT } from '../../../tools/alerts-page.ts'
import { alertmanagerBinary, amtoolBinary, freePort, needs } from '../../harness/services.ts'

const run = promisify(execFile)
const CONFIG = join(import.meta.dirname, '../../../monitoring/alertmanager.yml')
const alerts = ruleGroups(productionClock).flatMap((group) => group.alerts ?? [])
const names = alerts.map(({ name }) => name)

type Config = {
  readonly route: {
    readonly group_wait: string
    readonly routes: readonly { readonly matchers: readonly string[]; readonly group_wait?: string }[]
  }
  readonly inhibit_rules: readonly {
    readonly source_matchers: readonly string[]
    readonly target_matchers: readonly string[]
  }[]
}
const config = async () => parse(await readFile(CONFIG, 'utf8')) as Config

test('amtool accepts the configuration', needs('alerts'), async () => {
  const { stdout } = await run(await amtoolBinary(), ['check-config', CONFIG])
  assert.match(stdout, /SUCCESS/)
})

const routes = [
  ['critical', ['alertname=StoreDown', 'severity=critical']],
  ['warning', ['alertname=IndexerBehind', 'severity=warning']],
  ['warning', ['alertname=IngesterBackpressure', 'severity=info']],
  ['watchdog', ['alertname=Watchdog', 'severity=none']],
  ['nobody', ['alertname=InfoInhibitor', 'severity=none']],
] as const
for (const [receiver, labels] of routes) {
  test(`${labels.join(' ')} goes to ${receiver}`, needs('alerts'), async () => {
    const args = ['config', 'routes', 'test', `--config.file=${CONFIG}`, `--verify.receivers=${receiver}`]
    await run(await amtoolBinary(), [...args, ...labels])
  })
}

test('the waits that docs/alerts.md reckons with are those of the routes', async () => {
  const { route } = await config()
  const critical = route.routes.find(({ matchers }) => matchers.join().includes('critical'))
  assert.equal(critical?.group_wait, `${GROUP_WAIT.critical}s`)
  assert.equal(route.group_wait, `${GROUP_WAIT.warning}s`)
})

test('every name in an inhibition is an alert', async () => {
  const { inhibit_rules: rules } = await config()
  const matchers = rules.flatMap((rule) => [...rule.source_matchers, ...rule.target_matchers])
  const named = matchers.flatMap(
    (matcher) => /^alertname !?=~? "(.+)"$/.exec(matcher.trim())?.[1]?.split('|') ?? [],
  )
  assert.ok(named.length > 20)
  assert.deepEqual(
    named.filter((name) => !names.includes(name)),
    [],
  )
})

type Labels = Readonly<Record<string, string>>
type Posted = { readonly labels: Labels; readonly status: { readonly inhibitedBy: readonly string[] } }

const startAlertmanager = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-alertmanager-'))
  const port = await freePort()
  const args = [
    `--config.file=${CONFIG}`,
    `--storage.path=${folder}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--cluster.listen-address=',
  ]
  const child = spawn(await alertmanagerBinary(), args, { stdio: 'ignore' })
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const url = `http://127.0.0.1:${port}`
  const deadline = Date.now() + 60_000
  while (!(await fetch(`${url}/-/ready`).catch(() => null))?.ok) {
    assert.ok(Date.now() < deadline && child.exitCode === null, 'Alertmanager does not start')
    await sleep(50)
  }
  const dispose = async () => {
    child.kill('SIGKILL')
    await exited
    await rm(folder, { recursive: true, force: true })
  }
  return { url, [Symbol.asyncDispose]: dispose }
}

/** Everything at once: which of `labels` are silenced, by name. */
const silenced = async (url: string, labels: readonly Labels[]): Promise<string[]> => {
  const headers = { 'content-type': 'application/json' }
  const body = JSON.stringify(labels.map((each) => ({ labels: each })))
  assert.ok((await fetch(`${url}/api/v2/alerts`, { method: 'POST', headers, body })).ok)
  const seen = async () => (await (await fetch(`${url}/api/v2/alerts`)).json()) as Posted[]
  const deadline = Date.now() + 30_000
  for (;;) {
    const posted = await seen()
    const quiet = posted.filter(({ status }) => status.inhibitedBy.length > 0)
    if (posted.length === labels.length && (quiet.length > 0 || Date.now() > deadline)) {
      return quiet.map(({ labels: { alertname = '' } }) => alertname).sort()
    }
    assert.ok(Date.now() < deadline, 'Alertmanager does not show what it was told')
    await sleep(100)
  }
}

const firing = (name: string, more: Labels = {}): Labels => {
  const alert = alerts.find((each) => each.name === name)
  assert.ok(alert, name)
  return { alertname: name, severity: alert.severity, service: alert.service, ...more }
}

const X = { job: 'rust-indexer', instance: 'x:1', service: 'indexer' }
const LIVE = { stream: 'firehose_live' }

const inhibitions: readonly (readonly [string, readonly Labels[], readonly string[]])[] = [
  [
    'a store that is down silences what follows, not what does not',
    [
      firing('StoreDown', { job: 'rust-indexer', instance: 'x:1' }),
      firing('IndexerStuck', LIVE),
      firing('ServiceNotReady', X),
      firing('CursorStuck', { instance: 'i:1' }),
      firing('StreamEntriesLost', LIVE),
      firing('LongTransaction'),
    ],
    ['CursorStuck', 'IndexerStuck', 'ServiceNotReady'],
  ],
  [
    'so does a database',
    [
      firing('DatabaseDown', X),
      firing('PoolStarved', X),
      firing('IndexerBehind', LIVE),
      firing('FirehoseSilent'),
    ],
    ['IndexerBehind', 'PoolStarved'],
  ],
  [
    'a target that is down silences the rest of that instance only',
    [
      firing('TargetDown', X),
      firing('ServiceRestarting', X),
      firing('ServiceRestarting', { ...X, instance: 'x:2' }),
      firing('IndexerStuck', LIVE),
    ],
    ['ServiceRestarting'],
  ],
  [
    'the worse of two silences the other, of the same stream',
    [
      firing('IndexerFarBehind', LIVE),
      firing('IndexerBehind', LIVE),
      firing('IndexerBehind', { stream: 'label_live' }),
    ],
    ['IndexerBehind'],
  ],
  [
    'information is silent while nothing worse fires',
    [firing('InfoInhibitor'), firing('IngesterBackpressure', { service: 'ingester' }), firing('SequenceGap')],
    ['IngesterBackpressure'],
  ],
]

for (const [says, labels, expected] of inhibitions) {
  test(says, needs('alerts'), async () => {
    await using alertmanager = await startAlertmanager()
    assert.deepEqual(await silenced(alertmanager.url, labels), expected)
  })
}
