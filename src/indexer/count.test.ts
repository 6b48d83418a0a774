import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StreamEvent } from '../event/event.ts'
import type { Outcome } from './apply.ts'
import { countEvents, countOutcome } from './count.ts'
import type { IndexerMetrics } from './metrics.ts'
import { planEvents, type Change, type PlanOptions } from './plan.ts'
import { resultsOf } from './results.ts'
import { account, create, didOf, identity, ref, remove, timeOf } from './testing.ts'

const ALICE = didOf('alice')

/** Counters that remember. */
const recorder = () => {
  const counts = new Map<string, number>()
  const metrics = new Proxy(
    {},
    {
      get: (_, name: string) => ({
        inc: (labels: unknown, by = 1) => {
          const key = typeof labels === 'object' ? `${name} ${JSON.stringify(labels)}` : name
          counts.set(key, (counts.get(key) ?? 0) + (typeof labels === 'number' ? labels : by))
        },
      }),
    },
  ) as IndexerMetrics
  return { metrics, counts }
}

const counted = (
  events: readonly StreamEvent[],
  outcome: Partial<Outcome> = {},
  options: PlanOptions = {},
): Record<string, number> => {
  const { metrics, counts } = recorder()
  const applied = {
    applied: [],
    repeated: [],
    stale: [],
    unchanged: [],
    rowsWritten: 0,
    links: [],
    notifications: 0,
  }
  const plan = planEvents(events, options)
  const nothing = { voided: [], notifications: 0, synced: new Set<string>(), accounts: new Set<string>() }
  const whole: Outcome = { plan, applied, ...nothing, ...outcome }
  countEvents(metrics, events, resultsOf(events, whole))
  countOutcome(metrics, whole)
  return Object.fromEntries([...counts].filter(([, count]) => count > 0))
}

test('every event counts as one, and under its type', () => {
  const repo = {
    type: 'repo',
    seq: -1,
    time: timeOf(1),
    did: ALICE,
    commit: 'c',
    rev: '3l4cj22222222',
  } as const
  assert.deepEqual(
    counted([account(1, ALICE, true, null), identity(2, ALICE), repo, remove(3, [ALICE, 'like', 'x'])], {
      accounts: new Set([ALICE]),
    }),
    {
      events: 4,
      accounts: 1,
      identities: 1,
      repos: 1,
      deletes: 1,
      recordsProcessed: 1,
      'results {"type":"account","result":"applied"}': 1,
      'results {"type":"identity","result":"applied"}': 1,
      'results {"type":"repo","result":"stale"}': 1,
      'results {"type":"delete","result":"stale"}': 1,
      'rows {"table":"record","outcome":"stale"}': 1,
      'rows {"table":"like","outcome":"stale"}': 1,
    },
  )
})

test('a create counts for its collection, a deletion does not', () => {
  const like = create(1, [ALICE, 'like', 'l'], {
    subject: ref('at://x/app.bsky.feed.post/p'),
    createdAt: timeOf(1),
  })
  assert.equal(counted([like])['likes'], 1)
  assert.equal(counted([remove(1, [ALICE, 'like', 'l'])])['likes'], undefined)
})

test('a collection named like a property of every object counts as filtered and as nothing else', () => {
  for (const name of ['constructor', '__proto__', 'toString']) {
    assert.deepEqual(counted([create(1, [ALICE, name, 'x'], {})]), {
      events: 1,
      creates: 1,
      recordsProcessed: 1,
      filtered: 1,
      'dropped {"reason":"unknown_collection"}': 1,
      'results {"type":"create","result":"dropped"}': 1,
    })
  }
})

test('a record of an unknown collection that is kept counts as one of the record table', () => {
  const event = create(1, [ALICE, 'com.example.thing', 'x'], {})
  assert.deepEqual(counted([event], {}, { indexUnknown: true }), {
    events: 1,
    creates: 1,
    recordsProcessed: 1,
    'results {"type":"create","result":"stale"}': 1,
    'rows {"table":"record","outcome":"stale"}': 1,
  })
})

test('a record that is invalid counts as a failure, expected', () => {
  const counts = counted([create(1, [ALICE, 'post', 'x'], { text: 1 })])
  assert.equal(counts['dropped {"reason":"invalid_record"}'], 1)
  assert.deepEqual([counts['recordsFailed'], counts['expectedErrors'], counts['errors']], [1, 1, 1])
})

test('what an account deleted since had done counts as dropped, not as failed', () => {
  const counts = counted([remove(1, [ALICE, 'like', 'l'])], { voided: Array<Change>(3) })
  assert.equal(counts['dropped {"reason":"account_deleted"}'], 3)
  assert.equal(counts['recordsFailed'], undefined)
})
