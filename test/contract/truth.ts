/** Every `stream_*` metric, moved by its cause on a real store: the consumer, the watch and the registry as services join them. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import {
  consumerReports,
  registerStreamMetrics,
  STREAM_METRICS,
} from '../../src/monitoring/stream-metrics.ts'
import { createRegistry, scrape } from '../../src/monitoring/registry.ts'
import {
  type Consumer,
  type ConsumerOptions,
  createConsumer,
  type Delivery,
} from '../../src/stream/consumer.ts'
import type { Log } from '../../src/stream/log.ts'
import { StreamWatch } from '../../src/stream/watch.ts'
import type { RawRedis } from './raw-redis.ts'
import { idsOf, numbered, type OpenStore, prepare, until } from './store.ts'

export type World = {
  readonly log: Log
  readonly stream: string
  readonly group: string
  consumer(options?: Partial<ConsumerOptions>): Consumer
  append(entries?: number): Promise<void>
  read(consumer: string, maxEntries?: number): Promise<string[]>
  /** The value of one series, the label `stream` left out. */
  metric(series: string): Promise<number>
  moved(series: string): Promise<void>
}

const never = new AbortController().signal
export const next = async (consumer: Consumer): Promise<readonly Delivery[]> =>
  (await consumer.next(never)) ?? []

const SILENT_MS = 50

export const openWorld = async (log: Log): Promise<World> => {
  const { stream, group, reader } = await prepare(log)
  const registry = createRegistry('indexer', '1.0.0')
  const watched = { stream, group, deadLetterStream: `${stream}_dlq`, abandonedAfterMs: SILENT_MS }
  const handles = registerStreamMetrics(
    registry,
    [stream],
    (onLost) => new StreamWatch({ log, streams: [watched], onLost }),
  )
  const metric = async (series: string): Promise<number> => {
    const { text, failures } = await scrape(registry)
    assert.deepEqual(failures, [])
    const line = text.split('\n').find((one) => one.replace(/stream="[^"]*",?/, '').startsWith(`${series} `))
    return Number(
      (line ?? assert.fail(`${series} is not in the scrape`)).split(' ').at(-1)?.replace('Nan', 'NaN'),
    )
  }
  return {
    log,
    stream,
    group,
    metric,
    moved: (series) => until(async () => (await metric(series)) > 0),
    append: (entries = 3) => log.append(stream, numbered(0, entries)),
    read: async (consumer, maxEntries = 100) =>
      idsOf(await log.read({ ...reader, consumer }, { maxEntries, blockMs: 0 })),
    consumer: (options = {}) =>
      createConsumer({
        log,
        stream,
        group,
        consumer: 'one',
        batchSize: 10,
        retry: { initialMs: 10, maxMs: 10 },
        maxDeliveries: 3,
        deadLetterStream: `${stream}_dlq`,
        ...consumerReports(handles, stream),
        ...options,
      }),
  }
}

const first = (batch: readonly Delivery[]): Delivery => batch[0] ?? assert.fail('nothing was handed out')

export type Cause = readonly [series: string, cause: (world: World) => Promise<unknown>]

const CAUSES: readonly Cause[] = [
  ['stream_entries{}', (world) => world.append()],
  ['stream_undelivered_entries{}', (world) => world.append()],
  ['stream_undelivered_known{}', (world) => world.append()],
  ['stream_oldest_entry_age_seconds{}', (world) => world.append()],
  ['stream_oldest_undelivered_age_seconds{}', (world) => world.append()],
  ['stream_pending_entries{}', async (world) => (await world.append(), next(world.consumer()))],
  ['stream_pending_deliveries{}', async (world) => (await world.append(), next(world.consumer()))],
  ['stream_oldest_pending_idle_seconds{}', async (world) => (await world.append(), next(world.consumer()))],
  ['stream_deliveries_total{kind="first"}', async (world) => (await world.append(), next(world.consumer()))],
  ['stream_deliveries_total{kind="again"}', async (world) => restart(world)],
  ['stream_claims_total{kind="restart"}', async (world) => restart(world)],
  [
    'stream_claims_total{kind="retry"}',
    async (world) => {
      await world.append(1)
      const consumer = world.consumer()
      await consumer.fail(first(await next(consumer)), 'not now')
      await next(consumer)
    },
  ],
  [
    'stream_claims_total{kind="abandoned"}',
    async (world) => {
      await world.append(1)
      await world.read('gone')
      await next(world.consumer({ abandonedAfterMs: SILENT_MS }))
    },
  ],
  [
    'stream_consumers{state="abandoned"}',
    async (world) => {
      await world.append(1)
      await world.read('gone')
    },
  ],
  [
    'stream_acknowledged_total{}',
    async (world) => {
      await world.append()
      const consumer = world.consumer()
      await consumer.done(idsOf(await next(consumer)))
    },
  ],
  [
    'stream_dead_letters{}',
    async (world) => {
      await world.append(1)
      const consumer = world.consumer()
      await consumer.poison(first(await next(consumer)), 'poison')
      assert.equal(await world.metric('stream_acknowledged_total{}'), 1)
    },
  ],
]

const restart = async (world: World): Promise<void> => {
  await world.append()
  await next(world.consumer())
  await next(world.consumer())
}

const firstOf = (ids: readonly string[]): string => ids[0] ?? assert.fail('no id')

/** What only somebody with a connection of his own can do. */
const foreignCauses = (raw: () => RawRedis): readonly Cause[] => [
  [
    'stream_trimmed_entries_total{}',
    async (world) => {
      await world.append(2)
      await raw().send('XACK', world.stream, world.group, firstOf(await world.read('rsky', 1)))
      await next(world.consumer())
    },
  ],
  [
    'stream_entries_lost_total{}',
    async (world) => {
      await world.append(3)
      await world.metric('stream_entries{}')
      await raw().send('XTRIM', world.stream, 'MAXLEN', '1')
    },
  ],
]

/** `raw` where the store has another door. */
export const streamTruth = (name: string, open: OpenStore, raw: (() => RawRedis) | null): void => {
  const causes = [...CAUSES, ...(raw === null ? [] : foreignCauses(raw))]
  describe(`the stream metrics on ${name}`, () => {
    for (const [series, cause] of causes) {
      test(`${series} moves with its cause`, async () => {
        await using store = await open()
        const world = await openWorld(store.log)
        await cause(world)
        await world.moved(series)
      })
    }

    test('a consumer that finished what it read is active, and all figures of an empty stream are 0', async () => {
      await using store = await open()
      const world = await openWorld(store.log)
      await world.append(1)
      await store.log.ack(world.stream, world.group, await world.read('here'))
      for (const name of [
        'entries',
        'undelivered_entries',
        'oldest_undelivered_age_seconds',
        'pending_entries',
      ])
        assert.equal(await world.metric(`stream_${name}{}`), 0, name)
      const { consumers } = await store.log.streamFigures({ ...world, deadLetterStream: null })
      assert.deepEqual(consumers, { active: 1, abandoned: 0 })
    })

    test('every stream metric has a cause above', () => {
      const isForeign = (metric: string) => /lost|trimmed/.test(metric)
      const expected = STREAM_METRICS.filter((spec) => raw !== null || !isForeign(spec.name))
      const without = expected.filter(
        (spec) => !causes.some(([series]) => series.startsWith(`${spec.name}{`)),
      )
      assert.deepEqual(
        without.map((spec) => spec.name),
        [],
      )
    })
  })
}
