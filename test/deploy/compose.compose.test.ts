/** The fleet of compose.yaml: a file that docker-compose accepts, that our settings accept, and that Prometheus' targets fit. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { resolveSettings } from '../../src/cli/config/resolve.ts'
import { composeBinary } from '../harness/services.ts'

const ROOT = join(import.meta.dirname, '../..')
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

type Service = {
  readonly image?: string
  readonly build?: { readonly target: string }
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly restart?: string
  readonly healthcheck?: unknown
  readonly deploy?: { readonly resources: { readonly limits: { readonly memory: string } } }
}
const compose = parse(read('compose.yaml'), { merge: true }) as { readonly services: Record<string, Service> }
const services = Object.entries(compose.services)
const OURS = ['ingester', 'backfiller', 'indexer', 'migrate'] as const

/** What an operator fills in; any value shows that the file needs no other. */
const SECRET = 'letmein1'
const withSecrets = (text: string): string =>
  text.replace(/\$\{(\w+)(?::[-?]([^}]*))?\}/g, (_, name: string, otherwise = '') =>
    name.endsWith('PASSWORD') ? SECRET : (otherwise as string),
  )

test('docker-compose accepts the file as it is, with the .env that the example describes', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-compose-'))
  try {
    copyFileSync(join(ROOT, 'compose.yaml'), join(folder, 'compose.yaml'))
    writeFileSync(join(folder, '.env'), read('.env.example').replaceAll(/PASSWORD=$/gm, `PASSWORD=${SECRET}`))
    const args = ['-f', join(folder, 'compose.yaml'), 'config']
    const { status, stdout, stderr } = spawnSync(await composeBinary(), args, {
      cwd: folder,
      encoding: 'utf8',
    })
    assert.equal(status, 0, stderr)
    assert.deepEqual(
      Object.keys((parse(stdout) as typeof compose).services).sort(),
      services.map(([name]) => name).sort(),
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('without the passwords docker-compose refuses and says which', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-compose-'))
  try {
    copyFileSync(join(ROOT, 'compose.yaml'), join(folder, 'compose.yaml'))
    const { status, stderr } = spawnSync(await composeBinary(), ['config'], { cwd: folder, encoding: 'utf8' })
    assert.notEqual(status, 0)
    assert.match(stderr, /set it in \.env/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('the host ports are those of the seed', () => {
  const published = services.flatMap(([name, { ports = [] }]) => ports.map((port) => `${name} ${port}`))
  const indexers = [1, 2, 3, 4, 5, 6].map((n) => `indexer${n} 127.0.0.1:${9092 + n}:9090`)
  const expected = [
    'ingester 127.0.0.1:4100:4100',
    'backfiller1 127.0.0.1:9091:9090',
    'backfiller2 127.0.0.1:9092:9090',
    ...indexers,
    'prometheus 127.0.0.1:9090:9090',
    'alertmanager 127.0.0.1:9193:9093',
    'grafana 127.0.0.1:3001:3000',
  ]
  assert.deepEqual(published.sort(), expected.sort())
})

test('every target of prometheus.yml is a service of the fleet', () => {
  type Job = { readonly static_configs: readonly { readonly targets: readonly string[] }[] }
  const { scrape_configs: jobs } = parse(read('monitoring/prometheus.yml')) as {
    scrape_configs: readonly Job[]
  }
  const hosts = jobs.flatMap((job) =>
    job.static_configs.flatMap(({ targets }) => targets.map((target) => target.split(':')[0] ?? '')),
  )
  assert.ok(hosts.length >= 10)
  for (const host of hosts) assert.ok(host === 'localhost' || host in compose.services, host)
})

test('every service of ours gets settings that it knows and accepts', () => {
  let checked = 0
  for (const [name, { command = [], environment = {} }] of services) {
    const service = OURS.find((one) => one === command[0])
    if (service === undefined) continue
    checked++
    const env = Object.fromEntries(
      Object.entries(environment).map(([key, value]) => [key, withSecrets(value)]),
    )
    const settings = resolveSettings(service, {}, env)
    if (service !== 'migrate') assert.equal(settings.redisUrl, 'redis://redis:6379', name)
    if (name.startsWith('indexer'))
      assert.equal(settings.indexerConsumer, name.replace('indexer', 'indexer_'))
    if (name.startsWith('backfiller'))
      assert.equal(settings.backfillerConsumer, name.replace('backfiller', 'backfiller_'))
  }
  assert.equal(checked, 10)
})

test('nothing secret stands in the files, images are pinned, and memory is bounded', () => {
  for (const [name, service] of services) {
    const ours = service.build !== undefined
    assert.match(service.image ?? '', ours ? /^millrace/ : /:v?\d+(\.\d+)*$/, name)
    if (name !== 'migrate') assert.equal(service.restart, 'unless-stopped', name)
    if (name !== 'migrate') assert.match(service.deploy?.resources.limits.memory ?? '', /^\d+[mg]$/, name)
    for (const [key, value] of Object.entries(service.environment ?? {})) {
      if (/PASS|SECRET|TOKEN|URL$/.test(key))
        assert.doesNotMatch(value, /:\/\/[^:]+:(?!\$\{)[^@/]+@/, `${name} ${key}`)
      if (/PASS|SECRET|TOKEN/.test(key)) assert.match(value, /^\$\{\w+:\?/, `${name} ${key}`)
    }
  }
  assert.doesNotMatch(read('.env.example'), /PASSWORD=.+/)
})

test('Redis refuses rather than evicts, and the pools fit behind PgBouncer and PostgreSQL', () => {
  const redis = compose.services['redis']?.command?.join(' ') ?? ''
  assert.match(redis, /--appendonly yes/)
  assert.match(redis, /--maxmemory-policy noeviction/)
  const indexers = services.filter(([, { command }]) => command?.[0] === 'indexer')
  const wanted = indexers.reduce(
    (sum, [, { environment }]) => sum + Number(environment?.['DB_POOL_MAX_SIZE']),
    0,
  )
  const lent = Number(
    /default_pool_size = \$\{PGBOUNCER_POOL_SIZE:-(\d+)\}/.exec(read('deploy/pgbouncer.sh'))?.[1],
  )
  const limit = Number(
    /max_connections=(\d+)/.exec(compose.services['postgres']?.command?.join(' ') ?? '')?.[1],
  )
  assert.ok(
    indexers.length === 6 && wanted > 0 && wanted <= lent && lent + 20 <= limit,
    `${wanted} ${lent} ${limit}`,
  )
})

test('what containers mount is in the repository', () => {
  const mounts = services.flatMap(([, { volumes = [] }]) =>
    volumes.filter((volume) => volume.startsWith('./')),
  )
  assert.ok(mounts.length >= 4)
  for (const mount of mounts) assert.ok(existsInRepository(mount.split(':')[0] ?? ''), mount)
})

const existsInRepository = (path: string): boolean =>
  spawnSync('git', ['ls-files', '--', path], { cwd: ROOT, encoding: 'utf8' }).stdout !== ''
