/** The truth of every stream and store figure, on one kind of Redis. */
import assert from 'node:assert/strict'
import { after, describe, test } from 'node:test'
import { STORE_METRICS, storeMetrics } from '../../src/monitoring/stream-metrics.ts'
import { registerMetrics } from '../../src/monitoring/metrics.ts'
import { createRegistry, scrape } from '../../src/monitoring/registry.ts'
import { openRedisLog } from '../../src/stream/redis/index.ts'
import { StreamWatch } from '../../src/stream/watch.ts'
import { type RedisOptions, startRedis } from '../harness/servers.ts'
import { foreignTests } from './foreign.ts'
import { rawRedis, type RawRedis } from './raw-redis.ts'
import { sharedServer } from './redis-server.ts'
import { numbered, prepare, until } from './store.ts'
import { next, openWorld, streamTruth } from './truth.ts'

export const redisTruth = (name: string, options: RedisOptions): void => {
  const server = sharedServer(options)
  const url = async () => (await server()).url
  let door: RawRedis | undefined
  after(() => door?.[Symbol.asyncDispose]())
  const open = async () => {
    const log = await openRedisLog({ url: await url() })
    door ??= await rawRedis(await url())
    return { log, reopen: async () => log, [Symbol.asyncDispose]: () => log[Symbol.asyncDispose]() }
  }
  streamTruth(name, open, () => door ?? assert.fail('no connection'))
  foreignTests(name, url)
  vanishedTest(name, open, () => door ?? assert.fail('no connection'))
  storeTests(name, options)
}

type Open = () => Promise<AsyncDisposable & { readonly log: Awaited<ReturnType<typeof openRedisLog>> }>

const vanishedTest = (name: string, open: Open, raw: () => RawRedis): void => {
  test(`on ${name} bodies deleted while pending are counted as lost, once`, async () => {
    await using store = await open()
    const world = await openWorld(store.log)
    await world.append(3)
    const ids = await world.read('one')
    await raw().send('XDEL', world.stream, ids[0] ?? '', ids[1] ?? '')
    await next(world.consumer())
    assert.equal(await world.metric('stream_entries_lost_total{}'), 2)
    assert.equal(await world.metric('stream_pending_entries{}'), 1)
  })
}

/** Reads the metrics of a store as a service exports them. */
const watchStore = async (url: string) => {
  const log = await openRedisLog({ url, commandTimeoutMs: 500 })
  const { stream, group } = await prepare(log)
  const registry = createRegistry('indexer', '1.0.0')
  const streams = [{ stream, group, deadLetterStream: null }]
  const watch = new StreamWatch({ log, streams, onLost: () => undefined })
  registerMetrics(registry, storeMetrics(watch.store))
  const metric = async (series: string): Promise<number> => {
    const { text } = await scrape(registry)
    const line = text.split('\n').find((one) => one.startsWith(`${series} `))
    return Number(
      (line ?? assert.fail(`${series} is not in the scrape`)).split(' ').at(-1)?.replace('Nan', 'NaN'),
    )
  }
  const becomes = (series: string, value: number) => until(async () => Object.is(await metric(series), value))
  return { log, stream, group, metric, becomes, [Symbol.asyncDispose]: () => log[Symbol.asyncDispose]() }
}

const storeTests = (name: string, options: RedisOptions): void => {
  describe(`the store metrics on ${name}`, () => {
    test('what makes the store unsafe while it runs is seen, and so is its mending', async () => {
      const server = await startRedis({ ...options, args: ['--maxmemory', '100mb', '--appendonly', 'yes'] })
      try {
        await using at = await watchStore(server.url)
        await using raw = await rawRedis(server.url)
        const faults = [
          ['eviction', 'maxmemory-policy', 'allkeys-lru', 'noeviction'],
          ['persistence', 'appendonly', 'no', 'yes'],
          ['memory_limit', 'maxmemory', '0', '104857600'],
        ] as const
        for (const [check, setting, bad, good] of faults) {
          await at.becomes(`store_safe{check="${check}"}`, 1)
          await raw.send('CONFIG', 'SET', setting, bad)
          await at.becomes(`store_safe{check="${check}"}`, 0)
          await raw.send('CONFIG', 'SET', setting, good)
          await at.becomes(`store_safe{check="${check}"}`, 1)
        }
        await at.log.append(at.stream, numbered(0, 1))
        await raw.send('XGROUP', 'SETID', at.stream, at.group, '99999999999999-0')
        await at.becomes('store_safe{check="group_ahead"}', 0)
        assert.equal(await at.metric('store_capacity_bytes'), 104857600)
      } finally {
        await server.stop()
      }
    })

    test('used bytes grow with what is stored, and a store that is away is down and unknown', async () => {
      const server = await startRedis(options)
      await using at = await watchStore(server.url)
      await at.becomes('store_up', 1)
      const before = await at.metric('store_used_bytes')
      await at.log.append(at.stream, [{ event: 'x'.repeat(5_000_000) }])
      await until(async () => (await at.metric('store_used_bytes')) > before + 4_000_000)
      assert.ok((await at.metric('store_ping_seconds')) > 0)
      assert.ok(Number.isNaN(await at.metric('store_capacity_bytes')))
      await server.stop()
      await at.becomes('store_up', 0)
      for (const { name: metric } of STORE_METRICS.filter(
        (spec) => !['store_up', 'store_safe'].includes(spec.name),
      ))
        assert.ok(Number.isNaN(await at.metric(metric)), metric)
      assert.ok(Number.isNaN(await at.metric('store_safe{check="eviction"}')))
    })

    test('what a server hides is not known, which is not bad', async () => {
      const server = await startRedis({ ...options, args: ['--rename-command', 'CONFIG', ''] })
      try {
        await using at = await watchStore(server.url)
        await at.becomes('store_safe{check="eviction"}', 1)
        assert.ok(Number.isNaN(await at.metric('store_safe{check="persistence"}')))
      } finally {
        await server.stop()
      }
    })
  })
}
