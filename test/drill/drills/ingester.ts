/** Faults between the ingester and its upstreams, and of what it writes to. */
import type { Drill } from '../drill.ts'
import { configured, network, restartedWith } from '../faults.ts'

/** Nobody listens there. */
const DEAD_HOSTS = Array.from({ length: 30 }, (_, i) => `http://127.0.0.1:${i + 10}`)

/** An indexer that leaves the firehose alone, so that its stream reaches the mark; restarts are part of it. */
const HELD_BACK = [
  'IngesterBackpressure',
  'BackpressureTooLong',
  'BackpressureFlapping',
  'IndexedRateLow',
] as const

const heldBack = (mark: string): Pick<Drill, 'prepare' | 'fault'> => ({
  prepare: async ({ ingester }) => restartedWith(ingester, '--firehose-high-water-mark', mark),
  fault: async ({ indexer }) => restartedWith(indexer, '--indexer-mode', 'label'),
})

export const ingester: readonly Drill[] = [
  {
    // Connections are to be had, and given up and made again as long as nothing comes.
    alert: 'FirehoseSilent',
    after: 60,
    prepare: async ({ ingester }) => restartedWith(ingester, '--ingester-idle-timeout', '3s'),
    fault: async ({ relay }) => {
      relay.hush()
      return () => relay.mend()
    },
  },
  {
    alert: 'FirehoseDisconnected',
    fast: true,
    also: ['FirehoseSilent', 'IngesterErrors', 'LabelerDisconnected'],
    fault: async ({ relay }) => {
      await relay.cut()
      return () => relay.mend()
    },
  },
  {
    // What the relay tells happened a minute ago, and goes on being so late.
    alert: 'FirehoseBehind',
    also: ['FreshnessBudgetBurnFast', 'FreshnessBudgetBurnSlow'],
    fault: async (stack) => {
      stack.setLateness(20)
      return () => stack.setLateness(0)
    },
  },
  {
    alert: 'CursorStuck',
    after: 120,
    also: [
      'ServiceNotReady',
      'IngesterErrors',
      'StoreUnsafe',
      'StoreFilling',
      'StoreNearlyFull',
      'StoreFullSoon',
      'HighWaterMarkUnreachable',
    ],
    fault: async (stack) => configured(stack, 'maxmemory', '1mb'),
  },
  {
    alert: 'SequenceGap',
    fault: async (stack) => network(stack, 'sequence_gap', { times: 3 }),
  },
  {
    // The relay no longer has what comes after our cursor, and says so when it is asked for it.
    alert: 'OutdatedCursor',
    also: ['SequenceGap'],
    fault: async (stack) => {
      stack.network.setFault('outdated_cursor', { times: 1 })
      return network(stack, 'disconnect', { times: 1 })
    },
  },
  {
    alert: 'RepoRangesSkipped',
    also: ['IngesterErrors'],
    delay: 30,
    fault: async (stack) => {
      const { ingester, redis, relay } = stack
      await ingester.program.stop()
      const mend = network(stack, 'listrepos_page_fails', { cursor: '' })
      await redis.send('DEL', `repo_backfill:cursor:${relay.url}`)
      await ingester.program.start()
      return mend
    },
  },
  {
    alert: 'IngesterErrors',
    also: ['LabelerDisconnected', 'ServiceNotReady'],
    fault: async ({ ingester, labeler }) =>
      restartedWith(ingester, '--labeler-hosts', [labeler.url, ...DEAD_HOSTS].join(',')),
  },
  {
    // A frame that cannot be read has no number that can.
    alert: 'FramesUnreadable',
    also: ['SequenceGap'],
    fault: async (stack) => network(stack, 'malformed_cbor', { probability: 0.3 }),
  },
  {
    alert: 'LabelerDisconnected',
    also: ['ServiceNotReady', 'IngesterErrors'],
    fault: async ({ labeler }) => {
      await labeler.cut()
      return () => labeler.mend()
    },
  },
  { alert: 'BackpressureTooLong', after: 300, also: [...HELD_BACK], ...heldBack('100') },
  // Information is told beside something worse only: with BackpressureTooLong, a quarter of an hour later.
  { alert: 'IngesterBackpressure', after: 1_200, also: [...HELD_BACK], ...heldBack('100') },
  {
    // It holds IngesterBackpressure back until that: nobody hears of either.
    alert: 'InfoInhibitor',
    heardAt: 'prometheus',
    after: 600,
    delay: 10,
    also: [...HELD_BACK],
    ...heldBack('100'),
  },
  {
    // A mark at which every batch has to wait for the one before it.
    alert: 'BackpressureFlapping',
    // The ingester starts anew, and has to be held back often enough.
    delay: 40,
    also: [...HELD_BACK],
    after: 1_800,
    fault: async ({ ingester }) => restartedWith(ingester, '--firehose-high-water-mark', '2'),
  },
]
