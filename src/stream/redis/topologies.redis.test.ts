/** The log through sentinels, on a cluster, over TLS: real servers each. */
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { consumerContract } from '../../../test/contract/consumer-contract.ts'
import { logContract } from '../../../test/contract/log-contract.ts'
import { rawRedis } from '../../../test/contract/raw-redis.ts'
import {
  idsOf,
  now,
  numbered,
  numbersOf,
  type OpenStore,
  prepare,
  until,
} from '../../../test/contract/store.ts'
import { temporaryFolder } from '../../../test/contract/temporary-folder.ts'
import { freePort, freshRedis } from '../../../test/harness/services.ts'
import { SetupError, TransientError } from '../../lib/errors.ts'
import { openRedisLog } from './index.ts'

const TEST_TIMEOUT = { timeout: 120_000 }
const programs = { server: 'redis-server', cli: 'redis-cli', openssl: 'openssl' } as const

/** Appends until it is accepted, whatever election is going on. */
const insist = async (run: () => Promise<unknown>): Promise<void> => {
  await until(() =>
    run().then(
      () => true,
      (error: unknown) => {
        assert.ok(error instanceof TransientError, String(error))
        return false
      },
    ),
  )
}

const startSentinel = async (folder: string, masterPort: number) => {
  const port = await freePort()
  const config = join(folder, `sentinel-${port}.conf`)
  writeFileSync(
    config,
    `port ${port}\nbind 127.0.0.1\ndir ${folder}\nsentinel monitor mill 127.0.0.1 ${masterPort} 1\n` +
      'sentinel down-after-milliseconds mill 500\nsentinel failover-timeout mill 2000\n',
  )
  const child = spawn(programs.server, [config, '--sentinel'], { stdio: 'ignore' })
  await until(() => answers(port))
  const stop = async () => {
    child.kill('SIGKILL')
    await once(child, 'close')
  }
  return { port, [Symbol.asyncDispose]: stop }
}

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      resolve(true)
      socket.destroy()
    })
    socket.on('error', () => resolve(false))
  })

test(
  'follows a failover that sentinels decide: the new master is used, nothing replicated is lost',
  TEST_TIMEOUT,
  async () => {
    using folder = temporaryFolder()
    const master = await freshRedis({ args: ['--appendonly', 'yes'] })
    await using replica = await freshRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] })
    await using sentinel = await startSentinel(folder.path, master.port)
    await using raw = await rawRedis(`redis://127.0.0.1:${sentinel.port}`)
    const fact = async (name: string) => {
      const flat = (await raw.send('SENTINEL', 'MASTER', 'mill')) as string[]
      return flat[flat.indexOf(name) + 1]
    }
    await until(async () => (await fact('num-slaves')) === '1')
    await using log = await openRedisLog({
      url: `redis+sentinel://127.0.0.1:1,127.0.0.1:${sentinel.port}/mill`,
      commandTimeoutMs: 2_000,
    })
    const { stream, group, reader } = await prepare(log)
    await log.append(stream, numbered(0, 5), { name: `${stream}:cursor`, value: '5' })
    await using onReplica = await rawRedis(replica.url)
    await until(async () => (await onReplica.send('XLEN', stream)) === 5)
    const waiting = log.read({ ...reader, consumer: 'waits' }, { maxEntries: 1, blockMs: 0 })
    const first = await waiting
    await until(async () => ((await onReplica.send('XPENDING', stream, group)) as unknown[])[0] === 1)
    await master.kill()
    await insist(() => log.append(stream, numbered(5, 1), { name: `${stream}:cursor`, value: '6' }))
    assert.equal(await fact('port'), String(replica.port))
    assert.equal(await log.checkpoint(`${stream}:cursor`), '6')
    assert.equal(await log.ack(stream, group, idsOf(first)), 1)
    assert.deepEqual([...new Set(numbersOf(await log.read(reader, now)))], [1, 2, 3, 4, 5])
  },
)

test('a master that becomes a replica is left for the new one', TEST_TIMEOUT, async () => {
  using folder = temporaryFolder()
  await using master = await freshRedis()
  await using replica = await freshRedis({ args: ['--replicaof', '127.0.0.1', String(master.port)] })
  await using sentinel = await startSentinel(folder.path, master.port)
  await using raw = await rawRedis(`redis://127.0.0.1:${sentinel.port}`)
  await until(async () => {
    const flat = (await raw.send('SENTINEL', 'MASTER', 'mill')) as string[]
    return flat[flat.indexOf('num-slaves') + 1] === '1'
  })
  await using log = await openRedisLog({ url: `redis+sentinel://127.0.0.1:${sentinel.port}/mill` })
  const { stream } = await prepare(log)
  await until(() =>
    raw.send('SENTINEL', 'FAILOVER', 'mill').then(
      () => true,
      () => false,
    ),
  )
  await using onReplica = await rawRedis(replica.url)
  // A sentinel cuts the clients of the server that it turns round.
  const ask = (...command: string[]) => onReplica.send(...command).catch(() => null)
  await until(async () => ((await ask('ROLE')) as unknown[] | null)?.[0] === 'master')
  await until(async () => {
    await log
      .append(stream, numbered(0, 1))
      .catch((error: unknown) => assert.ok(error instanceof TransientError))
    return Number(await ask('XLEN', stream)) > 0
  })
})

test('names the sentinels that do not help', async () => {
  const opening = openRedisLog({ url: 'redis+sentinel://127.0.0.1:1/mill', startTimeoutMs: 300 })
  await assert.rejects(
    opening,
    (error) => error instanceof SetupError && error.message.includes('127.0.0.1:1'),
  )
})

type Cluster = AsyncDisposable & { readonly url: string; readonly ports: readonly number[] }

const startCluster = async (): Promise<Cluster> => {
  const servers: Awaited<ReturnType<typeof freshRedis>>[] = []
  for (let i = 0; i < 3; i++) {
    // The cluster bus listens at port + 10000.
    let port = await freePort()
    while (port > 55_000) port = await freePort()
    servers.push(
      await freshRedis({ port, args: ['--cluster-enabled', 'yes', '--cluster-node-timeout', '2000'] }),
    )
  }
  const ports = servers.map((server) => server.port)
  const nodes = ports.map((port) => `127.0.0.1:${port}`)
  const made = spawnSync(programs.cli, ['--cluster', 'create', ...nodes, '--cluster-yes'])
  assert.equal(made.status, 0, made.stdout.toString())
  for (const server of servers) {
    await using raw = await rawRedis(server.url)
    await until(async () => String(await raw.send('CLUSTER', 'INFO')).includes('cluster_state:ok'))
  }
  return {
    url: `redis+cluster://${nodes.join(',')}`,
    ports,
    [Symbol.asyncDispose]: async () => void (await Promise.all(servers.map((server) => server.stop()))),
  }
}

let shared: Promise<Cluster> | undefined
test.after(async () => (await shared)?.[Symbol.asyncDispose]())

const openOnCluster: OpenStore = async () => {
  const { url } = await (shared ??= startCluster())
  let log = await openRedisLog({ url })
  return {
    log,
    reopen: async () => {
      await log[Symbol.asyncDispose]()
      log = await openRedisLog({ url })
      return log
    },
    [Symbol.asyncDispose]: () => log[Symbol.asyncDispose](),
  }
}

logContract('a Redis Cluster', openOnCluster)
consumerContract('a Redis Cluster', openOnCluster)

test(
  'follows a stream whose slot moves to another node, from an address list of one',
  TEST_TIMEOUT,
  async () => {
    const { ports } = await (shared ??= startCluster())
    await using log = await openRedisLog({ url: `redis+cluster://127.0.0.1:${ports[0]}` })
    const { stream, group, reader } = await prepare(log)
    await log.append(stream, numbered(0, 2), { name: `${stream}:cursor`, value: '2' })
    const first = await log.read(reader, { maxEntries: 1, blockMs: 0 })
    await moveSlotOf(stream, ports)
    await insist(() => log.append(stream, numbered(2, 1), { name: `${stream}:cursor`, value: '3' }))
    assert.deepEqual(numbersOf(await log.read(reader, { maxEntries: 9, blockMs: 1_000 })), [1, 2])
    assert.equal(await log.ack(stream, group, idsOf(first)), 1)
    assert.equal(await log.checkpoint(`${stream}:cursor`), '3')
  },
)

const moveSlotOf = async (key: string, ports: readonly number[]): Promise<void> => {
  await using stack = new AsyncDisposableStack()
  const nodes = await Promise.all(
    ports.map(async (port) => {
      const raw = stack.use(await rawRedis(`redis://127.0.0.1:${port}`))
      return { port, raw, id: String(await raw.send('CLUSTER', 'MYID')) }
    }),
  )
  const slot = String(await nodes[0]?.raw.send('CLUSTER', 'KEYSLOT', key))
  const holds = await Promise.all(
    nodes.map(({ raw }) =>
      raw.send('XLEN', key).then(
        () => true,
        () => false,
      ),
    ),
  )
  const [source, target] = [nodes[holds.indexOf(true)], nodes[holds.indexOf(false)]]
  assert.ok(source && target)
  await target.raw.send('CLUSTER', 'SETSLOT', slot, 'IMPORTING', source.id)
  await source.raw.send('CLUSTER', 'SETSLOT', slot, 'MIGRATING', target.id)
  const keys = (await source.raw.send('CLUSTER', 'GETKEYSINSLOT', slot, '100')) as string[]
  await source.raw.send('MIGRATE', '127.0.0.1', String(target.port), '', '0', '5000', 'KEYS', ...keys)
  for (const node of [target, source, ...nodes])
    await node.raw.send('CLUSTER', 'SETSLOT', slot, 'NODE', target.id)
}

const noOpenssl =
  spawnSync(programs.openssl, ['version']).status === 0 ? false : 'openssl is not on this machine'

test('speaks TLS with a password, and refuses a server it cannot verify', { skip: noOpenssl }, async () => {
  using folder = temporaryFolder()
  const file = (name: string) => join(folder.path, name)
  const made = spawnSync(programs.openssl, [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost'],
    ...['-keyout', file('key.pem'), '-out', file('cert.pem')],
  ])
  assert.equal(made.status, 0, made.stderr.toString())
  const tlsPort = await freePort()
  const tls = [
    '--tls-port',
    String(tlsPort),
    '--tls-cert-file',
    file('cert.pem'),
    '--tls-key-file',
    file('key.pem'),
  ]
  await using server = await freshRedis({
    args: [
      ...tls,
      '--tls-ca-cert-file',
      file('cert.pem'),
      '--tls-auth-clients',
      'no',
      '--requirepass',
      'a b:c@d',
    ],
  })
  assert.ok(server.port)
  const url = `rediss://:${encodeURIComponent('a b:c@d')}@127.0.0.1:${tlsPort}`
  await using log = await openRedisLog({ url: `${url}?ca=${file('cert.pem')}` })
  const { stream, reader } = await prepare(log)
  await log.append(stream, numbered(0, 1))
  assert.deepEqual(numbersOf(await log.read(reader, { maxEntries: 1, blockMs: 10_000 })), [0])
  await assert.rejects(openRedisLog({ url, startTimeoutMs: 500 }), SetupError)
})
