/** Faults of Redis and PostgreSQL themselves. */
import type { Drill } from '../drill.ts'
import { configured, DATABASE_LATE, goingOn, INDEXER_LATE, restartedWith } from '../faults.ts'
import type { Stack } from '../stack.ts'

/** What nobody can tell or do without Redis; most of it is held back by StoreDown. */
const WITHOUT_REDIS = [
  ...INDEXER_LATE,
  'UndeliveredUnknown',
  'MetricsUnreadable',
  'ServiceNotReady',
  'IngesterErrors',
  'CursorStuck',
  'IndexerErrorRatio',
  'TargetDown',
  'FirehoseSilent',
  'FirehoseBehind',
] as const

const usedBytes = async ({ redis }: Stack): Promise<number> =>
  Number(/used_memory:(\d+)/.exec(String(await redis.send('INFO', 'memory')))?.[1] ?? NaN)

const filledTo = async (stack: Stack, ratio: number): Promise<ReturnType<Drill['fault']>> =>
  configured(stack, 'maxmemory', String(Math.round((await usedBytes(stack)) / ratio)))

const OF_A_SMALL_STORE = ['HighWaterMarkUnreachable', 'StoreFullSoon'] as const

export const stores: readonly Drill[] = [
  {
    alert: 'StoreDown',
    also: [...WITHOUT_REDIS],
    fault: async ({ redis }) => {
      await redis.program.kill()
      return () => redis.program.start()
    },
  },
  {
    alert: 'StoreUnsafe',
    fast: true,
    fault: async (stack) => configured(stack, 'maxmemory-policy', 'allkeys-lru'),
  },
  {
    alert: 'StoreFilling',
    also: [...OF_A_SMALL_STORE],
    fault: async (stack) => filledTo(stack, 0.87),
  },
  {
    alert: 'StoreNearlyFull',
    also: [...OF_A_SMALL_STORE, 'StoreFilling', 'IngesterErrors', 'CursorStuck'],
    fault: async (stack) => filledTo(stack, 0.975),
  },
  {
    alert: 'StoreFullSoon',
    also: ['StoreFilling', 'StoreNearlyFull', 'HighWaterMarkUnreachable'],
    after: 1_800,
    fault: async (stack) => {
      const { redis } = stack
      const mend = await filledTo(stack, 0.4)
      const stop = goingOn(500, () =>
        redis.send('EVAL', `redis.call('APPEND', 'drill', string.rep('x', 50000))`, '0'),
      )
      return async () => {
        await stop()
        await redis.send('DEL', 'drill')
        await mend()
      }
    },
  },
  {
    // The setting of a fleet that once lost everything: a mark far beyond what Redis can hold.
    // The ingester starts anew and has to write before the size of an entry is known.
    alert: 'HighWaterMarkUnreachable',
    delay: 10,
    fault: async ({ ingester }) => restartedWith(ingester, '--ingester-high-water-mark', '100000000'),
  },
  {
    alert: 'DatabaseDown',
    also: [...INDEXER_LATE, ...DATABASE_LATE, 'MetricsUnreadable', 'IndexerErrorRatio'],
    delay: 15,
    fault: async ({ database }) => {
      await database.crash()
      return () => database.start()
    },
  },
  {
    alert: 'DatabaseConnectionsHigh',
    delay: 15,
    fault: async ({ database }) => {
      const sessions = await Promise.all(Array.from({ length: 28 }, () => database.connect()))
      return async () => {
        for (const session of sessions) await session.end()
      }
    },
  },
  {
    alert: 'PoolsExceedDatabase',
    delay: 15,
    fault: async ({ indexer }) => restartedWith(indexer, '--database-pool-size', '100'),
  },
  {
    alert: 'LongTransaction',
    after: 600,
    delay: 15,
    fault: async ({ database }) => {
      const session = await database.connect()
      await session.query('BEGIN; SELECT count(*) FROM bsky.record')
      return () => session.end()
    },
  },
  {
    // As one that was made for an integer column.
    alert: 'SequenceNearEnd',
    delay: 15,
    fault: async ({ database }) => {
      const name = 'bsky.notification_id_seq'
      await database.query(`ALTER SEQUENCE ${name} MAXVALUE ${2 ** 31 - 1} RESTART ${17e8}`)
      return () => database.query(`ALTER SEQUENCE ${name} NO MAXVALUE`)
    },
  },
  {
    // Somebody made it smaller by hand; the catalog is compared every five minutes.
    alert: 'SchemaDiffers',
    // Where it stands since that drill, the smaller one is nearly used up.
    also: ['SequenceNearEnd'],
    delay: 315,
    fault: async ({ database, indexer }) => {
      await database.query(`ALTER SEQUENCE bsky.notification_id_seq AS integer`)
      return async () => {
        await database.query(`ALTER SEQUENCE bsky.notification_id_seq AS bigint`)
        await indexer.program.restart()
      }
    },
  },
]
