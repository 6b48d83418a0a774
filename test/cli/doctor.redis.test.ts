import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from 'redis'
import type { Finding, Report } from '../../src/cli/doctor/finding.ts'
import { freePort, freshRedis, needs } from '../harness/services.ts'
import { run } from './program.ts'

const SAFE = ['--appendonly', 'yes', '--maxmemory', '2gb']

const examine = async (url: string, env: Record<string, string> = {}) => {
  const args = ['doctor', '--only', 'redis,streams', '--json', '--redis-url', url]
  const { code, stdout, stderr } = await run([...args, '--services', 'http://127.0.0.1:9'], env)
  const report = JSON.parse(stdout || '{}') as Report
  assert.ok(report.groups, stderr)
  return { code, findings: report.groups.flatMap(({ findings }) => findings) }
}

const findingOf = (findings: readonly Finding[], id: string): Finding => {
  const found = findings.find((finding) => finding.id === id)
  assert.ok(found, `${id} is not among ${findings.map((finding) => finding.id).join(', ')}`)
  return found
}

const bad = (findings: readonly Finding[]) =>
  findings.filter(({ severity }) => severity !== 'ok' && severity !== 'info')

const connect = async (url: string) => createClient({ url }).connect()

test('a Redis as it should be gives no warning, and exit code 0', needs('redis'), async () => {
  await using redis = await freshRedis({ args: SAFE })
  const { code, findings } = await examine(redis.url)
  assert.deepEqual(bad(findings), [])
  assert.equal(code, 0)
})

type Fault = readonly [id: string, args: readonly string[], says: RegExp]
const FAULTS: readonly Fault[] = [
  [
    'redis.policy',
    ['--appendonly', 'yes', '--maxmemory', '2gb', '--maxmemory-policy', 'allkeys-lru'],
    /allkeys-lru/,
  ],
  ['redis.persistence', ['--maxmemory', '2gb'], /persists nothing/],
  ['redis.limit', ['--appendonly', 'yes'], /no memory limit/],
  ['redis.marks', ['--appendonly', 'yes', '--maxmemory', '100mb'], /need 7\d\d MiB of 100 MiB/],
  ['redis.replicas', [...SAFE, '--min-replicas-to-write', '1'], /demands 1 replicas and has 0/],
]

test('each unsafe setting of a Redis is a finding of its own, with exit code 3', needs('redis'), async () => {
  for (const [id, args, says] of FAULTS) {
    await using redis = await freshRedis({ args })
    const { code, findings } = await examine(redis.url)
    assert.match(findingOf(findings, id).what, says)
    assert.deepEqual(
      bad(findings).map((finding) => finding.id),
      [id],
    )
    assert.ok(bad(findings).every(({ why, fix }) => why && fix))
    assert.equal(code, 3)
  }
})

test(
  'high-water marks are those that a service would take from the environment',
  needs('redis'),
  async () => {
    await using redis = await freshRedis({ args: [...SAFE.slice(0, 3), '100mb'] })
    const { findings } = await examine(redis.url, {
      INGESTER_HIGH_WATER_MARK: '10000',
      BACKFILLER_FIREHOSE_STREAM_HIGH_WATER_MARK: '20000',
    })
    assert.equal(findingOf(findings, 'redis.marks').severity, 'ok')
  },
)

test('an entry that a gone consumer holds is stuck, and the consumer abandoned', needs('redis'), async () => {
  await using redis = await freshRedis({ args: SAFE })
  using client = closing(await connect(redis.url))
  await client.send('XGROUP', 'CREATE', 'firehose_live', 'firehose_group', '0', 'MKSTREAM')
  await client.send('XADD', 'firehose_live', '*', 'event', '{}')
  await client.send('XADD', 'firehose_live', '*', 'event', '{}')
  await client.send(
    'XREADGROUP',
    'GROUP',
    'firehose_group',
    'gone',
    'COUNT',
    '1',
    'STREAMS',
    'firehose_live',
    '>',
  )
  const [id] = (await client.send(
    'XPENDING',
    'firehose_live',
    'firehose_group',
    '-',
    '+',
    '1',
  )) as unknown as [[string]]
  await client.send(
    'XCLAIM',
    'firehose_live',
    'firehose_group',
    'gone',
    '0',
    id[0],
    'IDLE',
    '3600000',
    'RETRYCOUNT',
    '7',
  )
  const { code, findings } = await examine(redis.url)
  assert.match(
    findingOf(findings, 'streams.stuck').what,
    /1 entries are with gone of firehose_group .* 60 min/,
  )
  assert.match(findingOf(findings, 'streams.poison').what, /delivered 5 times or more/)
  assert.equal(code, 3)
})

test(
  'dead letters are told with their commonest reasons, an unread stream and a cursor of 1 as what they are',
  needs('redis'),
  async () => {
    await using redis = await freshRedis({ args: SAFE })
    using client = closing(await connect(redis.url))
    for (const error of ['http_5xx: a', 'http_5xx: b', 'bad_signature: c'])
      await client.send(
        'XADD',
        'repo_backfill_dlq',
        '*',
        'repo',
        '{}',
        'reason',
        'max_retries_exceeded',
        'error',
        error,
      )
    await client.send('XADD', 'firehose_backfill', '*', 'event', '{}')
    await client.send('SET', 'firehose_live:cursor:bsky.network', '1')
    const { findings } = await examine(redis.url)
    const letters = findingOf(findings, 'streams.dead_letters')
    assert.match(letters.what, /3 dead letters: max_retries_exceeded \(http_5xx\) ×2, .*\(bad_signature\) ×1/)
    assert.match(findingOf(findings, 'streams.unread').what, /firehose_backfill holds 1 entries/)
    assert.match(findingOf(findings, 'streams.cursor_one').what, /firehose_live:cursor:bsky.network is 1/)
  },
)

test('a group that stands beyond the end of its stream is an error', needs('redis'), async () => {
  await using redis = await freshRedis({ args: SAFE })
  using client = closing(await connect(redis.url))
  await client.send('XGROUP', 'CREATE', 'label_live', 'firehose_group', '99999999999999-0', 'MKSTREAM')
  const { findings } = await examine(redis.url)
  assert.equal(findingOf(findings, 'streams.ahead').severity, 'error')
})

const WRITES =
  /^(x(add|ack|del|trim|group|readgroup|claim|autoclaim|setid)|set|del|expire|eval|evalsha|flush|config\|set|multi)/

test('the doctor sends Redis no command that writes', needs('redis'), async () => {
  await using redis = await freshRedis({ args: SAFE })
  using client = closing(await connect(redis.url))
  await client.send('XGROUP', 'CREATE', 'firehose_live', 'firehose_group', '0', 'MKSTREAM')
  for (let i = 0; i < 200; i++) await client.send('XADD', 'firehose_live', '*', 'event', '{}')
  await client.send('CONFIG', 'RESETSTAT')
  await examine(redis.url)
  const stats = (await client.send('INFO', 'commandstats')) as unknown as string
  const sent = [...stats.matchAll(/^cmdstat_([^:]+):/gm)].map(([, name = '']) => name)
  assert.ok(sent.includes('xinfo|stream'), stats)
  assert.deepEqual(
    sent.filter((name) => WRITES.test(name)),
    [],
  )
})

test('a Redis that is not there is a finding without its password', async () => {
  const { code, findings } = await examine(`redis://me:hunter2@127.0.0.1:${await freePort()}`)
  assert.equal(findingOf(findings, 'redis.unreachable').severity, 'error')
  assert.doesNotMatch(JSON.stringify(findings), /hunter2/)
  assert.equal(code, 3)
})

type Client = Awaited<ReturnType<typeof connect>>
const closing = (client: Client) => ({
  send: (...command: string[]) => client.sendCommand(command),
  [Symbol.dispose]: () => client.destroy(),
})
