/** The captured network as those see it who come late: listRepos, getRepo, and nothing of what was before. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cursorKey, FIREHOSE_BACKFILL, LIST_REPOS_DONE, REPO_BACKFILL } from '../../src/event/streams.ts'
import { needs } from '../harness/services.ts'
import { miscounted } from './counts.ts'
import { readHistory } from './history.ts'
import { Judge } from './judge.ts'
import { golden, NETWORK_COLLECTIONS, NETWORK_DIR } from './network.ts'
import { withPipeline } from './pipeline.ts'
import { BACKFILL_RULES } from './rules-backfill.ts'
import { HISTORY_RULES } from './rules-history.ts'
import { quotesOfDeletedPost, REFERENCE_RULES } from './rules-reference.ts'
import { readTables } from './tables.ts'
import { until } from './until.ts'

const SCENE = { serveDir: NETWORK_DIR, collections: NETWORK_COLLECTIONS }

test('fetched repo by repo, the network makes the same tables without its past', needs('pg'), async (t) => {
  // Quotes of a deleted post stay here, and are counted.
  const reference = REFERENCE_RULES.filter((rule) => rule !== quotesOfDeletedPost)
  const judge = new Judge(readHistory(), [...reference, ...HISTORY_RULES, ...BACKFILL_RULES])
  const ours = await withPipeline(SCENE, async (pipeline) => {
    const { ingester, indexer, backfiller, start, drained, pool, log, sandbox } = pipeline
    start(ingester('backfill'), backfiller(), indexer({ batchSize: 500 }))
    const cursor = cursorKey(REPO_BACKFILL, sandbox.relayUrls[0] ?? '')
    await until(async () => (await log.checkpoint(cursor)) === LIST_REPOS_DONE)
    await drained(REPO_BACKFILL, FIREHOSE_BACKFILL)
    return readTables(pool, Object.keys(golden))
  })
  for (const line of judge.judge({ name: 'backfill', ours, theirs: golden })) t.diagnostic(line)
  judge.assertAllUsed()
  assert.deepEqual(miscounted(ours), [])
})
