import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkReach } from './reach.ts'
import type { StreamFacts } from './streams.ts'

const readBy = (stream: string, group: string, readers: number): StreamFacts => ({
  stream,
  length: 0,
  entryBytes: null,
  reasons: [],
  groups: [
    {
      name: group,
      undelivered: 0,
      undeliveredAgeMs: null,
      pending: 0,
      isAhead: false,
      oldestPending: [],
      consumers: Array.from({ length: readers }, (_, i) => ({ name: `c${i}`, pending: 0, idleMs: 0 })),
    },
  ],
})
const settings = { indexerGroup: 'firehose_group', indexerBatchSize: 2_000 }

test('a threshold that the indexers cannot reach together is told, with the figures', () => {
  const streams = [readBy('firehose_live', 'firehose_group', 6), readBy('label_live', 'firehose_group', 6)]
  const [finding] = checkReach(streams, settings)
  assert.equal(finding?.id, 'redis.reach')
  assert.equal(finding.severity, 'info')
  assert.match(finding.what, /100,000 entries in hand; 12 readers of batches of 2,000 hold 96,000 at most/)
})

test('one that they can reach is well; readers of other groups do not count; without readers there is nothing to say', () => {
  const many = [readBy('firehose_live', 'firehose_group', 26)]
  assert.equal(checkReach(many, settings)[0]?.severity, 'ok')
  assert.deepEqual(checkReach([readBy('repo_backfill', 'repo_backfill_group', 90)], settings), [])
})
