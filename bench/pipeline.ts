/**
 * Events per second from a relay's socket to committed rows, the whole live path with the real program: `up` in one process on
 * the embedded stores; ingester and indexer as two processes on a real Redis (append-only file on) and PostgreSQL. The relay's
 * frames are made beforehand, so its share of the machine is only their sending. Also the largest resident memory seen.
 * Run: node bench/pipeline.ts [--events 40000]
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { silentLogger } from '../src/lib/logger.ts'
import { startSandbox, type Sandbox } from '../src/sandbox/index.ts'
import { freePort, freshDatabase, freshRedis } from '../test/harness/services.ts'

const { values } = parseArgs({ options: { events: { type: 'string', default: '40000' } } })
const MAIN = join(import.meta.dirname, '../src/cli/main.ts')

type Result = { readonly perSecond: number; readonly residentMb: readonly number[] }

const network = async (): Promise<Sandbox> => {
  const sandbox = await startSandbox({
    seed: '11',
    accounts: 400,
    records: 0,
    ratePerSecond: 0,
    windowBytes: 1024 * 1024 * 1024,
    logger: silentLogger,
  })
  await sandbox.produce(Number(values.events))
  return sandbox
}

/** As package.json starts it. */
const NODE_FLAGS = ['--max-semi-space-size=4']

const run = (...args: string[]): ChildProcess =>
  spawn(process.execPath, [...NODE_FLAGS, MAIN, ...args, '--log-level', 'error'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })

const stop = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

/** The value of one metric, or null while nobody answers. */
const metric = async (port: number, name: string): Promise<number | null> => {
  const text = await fetch(`http://127.0.0.1:${port}/metrics`).then(
    (response) => response.text(),
    () => '',
  )
  const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]
  return value === undefined ? null : Number(value)
}

const residentMb = ({ pid }: ChildProcess): number =>
  Math.round(Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024)

/** From the first indexed event until nothing has come for a while. */
const watch = async (port: number, children: readonly ChildProcess[]): Promise<Result> => {
  let first: { at: number; events: number } | null = null
  let last = { at: 0, events: 0 }
  for (;;) {
    const events = (await metric(port, 'indexer_events_processed_total')) ?? 0
    const at = performance.now()
    if (first === null && events > 0) first = { at, events }
    if (events > last.events) last = { at, events }
    if (first !== null && at - last.at > 15_000) break
    if (children.some(({ exitCode }) => exitCode !== null))
      throw new Error('a service ended before its work was done')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const seconds = (last.at - first.at) / 1_000
  return { perSecond: (last.events - first.events) / seconds, residentMb: children.map(residentMb) }
}

const live = ({ relayUrls, plcUrl, pdsUrls }: Sandbox) => ({
  relay: ['--relay-hosts', relayUrls[0] ?? '', '--ingester-mode', 'firehose'],
  identity: ['--plc-url', plcUrl, '--handle-resolver-url', pdsUrls[0] ?? '', '--allow-http'],
})

const embedded = async (sandbox: Sandbox): Promise<Result> => {
  const data = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
  const { relay, identity } = live(sandbox)
  const ports = [await freePort(), await freePort(), await freePort()].map(String)
  const [a = '', b = '', c = ''] = ports
  const child = run(
    ...['up', '--data', data, ...relay, ...identity],
    ...['--ingester-metrics-port', a, '--backfiller-metrics-port', b, '--indexer-metrics-port', c],
  )
  try {
    return await watch(Number(c), [child])
  } finally {
    await stop(child)
    rmSync(data, { recursive: true, force: true })
  }
}

const distributed = async (sandbox: Sandbox): Promise<Result> => {
  await using redis = await freshRedis({ args: ['--appendonly', 'yes'] })
  await using database = await freshDatabase({ migrated: true })
  const { relay, identity } = live(sandbox)
  const port = await freePort()
  const stores = ['--redis-url', redis.url]
  const children = [
    run(
      'indexer',
      ...stores,
      '--database-url',
      database.url,
      ...identity,
      '--indexer-metrics-port',
      String(port),
    ),
    run('ingester', ...stores, ...relay, '--ingester-metrics-port', '0'),
  ]
  try {
    return await watch(port, children)
  } finally {
    await Promise.all(children.map(stop))
  }
}

const table = new Table({ head: ['stores', 'events/s', 'resident MB'], style: { head: [], border: [] } })
const sandbox = await network()
for (const [name, measure] of Object.entries({ embedded, 'redis + postgresql': distributed })) {
  const { perSecond, residentMb } = await measure(sandbox)
  console.log(`${name}: ${Math.round(perSecond)} events/s`)
  table.push([name, Math.round(perSecond).toLocaleString('en'), residentMb.join(' + ')])
}
console.log(`${values.events} events of one relay, from its socket to committed rows`)
console.log(table.toString())
await sandbox.close()
process.exit(0)
