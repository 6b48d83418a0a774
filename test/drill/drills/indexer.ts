/** Faults between the streams and the tables. */
import {
  DEFAULT_BACKFILLER_GROUP,
  DEFAULT_INDEXER_GROUP,
  FIREHOSE_BACKFILL,
  FIREHOSE_LIVE,
  REPO_BACKFILL,
} from '../../../src/event/streams.ts'
import { until } from '../../e2e/until.ts'
import type { Drill } from '../drill.ts'
import { EVENTS_PER_SECOND } from '../stack.ts'
import {
  DATABASE_LATE,
  goingOn,
  INDEXER_LATE,
  locked,
  network,
  restartedWith,
  takenByGhost,
  triggered,
} from '../faults.ts'

const LATE = [...INDEXER_LATE, ...DATABASE_LATE] as const
const RECORDS = 'bsky.record'

/** So small batches, each so slow, that they take in less than comes; and more comes than on other days. */
const slow: Pick<Drill, 'prepare' | 'fault' | 'also'> = {
  also: [...LATE],
  prepare: async ({ indexer }) => restartedWith(indexer, '--indexer-batch-size', '10'),
  fault: async (stack) => {
    const mend = await triggered(stack, RECORDS, 'PERFORM pg_sleep(0.7)')
    stack.network.setRate(EVENTS_PER_SECOND * 6)
    return () => {
      stack.network.setRate(EVENTS_PER_SECOND)
      return mend()
    }
  },
}

const lockedOut: Pick<Drill, 'fault' | 'also'> = {
  also: [...LATE],
  fault: async (stack) => locked(stack, RECORDS),
}

const raise = (sqlstate: string): string =>
  `IF random() < 0.5 THEN RAISE 'drill' USING ERRCODE = '${sqlstate}'; END IF`

/** What the indexer takes at once, and many more. */
const BACKLOG = 8_000
const DELETE_LAST = `redis.call('XDEL', KEYS[1], redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][1])`

export const indexer: readonly Drill[] = [
  {
    alert: 'IndexerConsumerGroupLag',
    also: ['PendingIdle', 'ConsumerAbandoned'],
    fault: async (stack) => takenByGhost(stack, FIREHOSE_BACKFILL, DEFAULT_INDEXER_GROUP, 100_100),
  },
  { alert: 'IndexerBehind', after: 300, ...slow },
  { alert: 'IntakeAboveDrain', after: 600, delay: 30, ...slow },
  { alert: 'IndexedRateLow', after: 600, ...slow },
  { alert: 'IndexerStuck', after: 300, fast: true, ...lockedOut },
  { alert: 'IndexerFarBehind', after: 1_800, ...lockedOut },
  {
    alert: 'PendingIdle',
    after: 300,
    fault: async (stack) => takenByGhost(stack, REPO_BACKFILL, DEFAULT_BACKFILLER_GROUP, 5),
  },
  {
    // Whoever could take its entries over waits for a table meanwhile; otherwise they would be gone in the moment they count.
    alert: 'ConsumerAbandoned',
    also: [...LATE],
    delay: 300,
    fault: async (stack) => {
      const unlock = await locked(stack, RECORDS)
      const give = await takenByGhost(stack, FIREHOSE_LIVE, DEFAULT_INDEXER_GROUP, 5)
      return async () => {
        await give()
        await unlock()
      }
    },
  },
  {
    alert: 'StreamEntriesLost',
    delay: 1,
    also: ['TargetDown'],
    fault: async ({ indexer, redis }) => {
      indexer.program.pause()
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      await redis.send('XTRIM', FIREHOSE_LIVE, 'MAXLEN', '0')
      indexer.program.resume()
      return () => {}
    },
  },
  {
    // Deleted by hand, far behind the readers: what is left ahead of them cannot be counted at a price that a look may have.
    alert: 'UndeliveredUnknown',
    also: [...LATE, 'StreamEntriesLost'],
    delay: 30,
    fault: async (stack) => {
      const { network, redis } = stack
      const mend = await locked(stack, RECORDS)
      await network.produce(BACKLOG)
      await until('nobody could count the backlog', async () =>
        Number(await redis.send('XLEN', FIREHOSE_LIVE)) > 0.9 * BACKLOG ? true : null,
      )
      await redis.send('EVAL', DELETE_LAST, '1', FIREHOSE_LIVE)
      return mend
    },
  },
  {
    alert: 'IndexerErrorRatio',
    also: ['DeadLettersGrowing'],
    fault: async ({ redis }) =>
      goingOn(100, () => redis.send('XADD', FIREHOSE_LIVE, '*', 'event', 'no JSON')),
  },
  {
    // As when a disk is full for some of the statements.
    alert: 'DatabaseErrors',
    also: [...LATE, 'IndexerErrorRatio'],
    fault: async (stack) => triggered(stack, RECORDS, raise('53100')),
  },
  {
    alert: 'DatabaseConflicts',
    also: [...LATE, 'IndexerErrorRatio'],
    fault: async (stack) => triggered(stack, RECORDS, raise('40001')),
  },
  {
    // A batch and a look-up have to take the two connections, and others to wait for them.
    alert: 'PoolStarved',
    delay: 10,
    also: [...LATE],
    prepare: async ({ indexer }) => restartedWith(indexer, '--database-pool-size', '2'),
    fault: async (stack) => locked(stack, 'bsky.actor, bsky.record, bsky.label'),
  },
  {
    alert: 'DatabaseSlow',
    also: [...LATE],
    fault: async (stack) => triggered(stack, RECORDS, 'PERFORM pg_sleep(1.5)'),
  },
  {
    alert: 'IdentityQueueStuck',
    after: 900,
    also: ['IndexerErrorRatio', 'BackfillerFailureRatio', 'BackfillStalled', 'PendingIdle'],
    fault: async (stack) => {
      const mend = network(stack, 'plc_down')
      // So that accounts are born that nobody has looked up before.
      stack.network.setRate(EVENTS_PER_SECOND * 10)
      return () => {
        stack.network.setRate(EVENTS_PER_SECOND)
        return mend()
      }
    },
  },
]

/** What happened long ago comes in all the time: the objective counts it for hours, so each has a stack of its own. */
export const freshness: readonly Drill[] = [
  {
    alert: 'FreshnessBudgetBurnFast',
    also: ['FirehoseBehind', 'FreshnessBudgetBurnSlow'],
    after: 300,
    alone: true,
    fault: async (stack) => {
      stack.setLateness(60)
      return () => stack.setLateness(0)
    },
  },
  {
    // One event in ten is late: too few to burn fast.
    alert: 'FreshnessBudgetBurnSlow',
    also: ['FirehoseBehind'],
    after: 7_200,
    alone: true,
    fault: async (stack) => {
      let n = 0
      const stop = goingOn(500, async () => stack.setLateness(n++ % 20 === 0 ? 60 : 0))
      return async () => {
        await stop()
        stack.setLateness(0)
      }
    },
  },
]
