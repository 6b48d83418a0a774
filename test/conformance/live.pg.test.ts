/** The captured network as a live firehose through the whole pipeline: relay to PostgreSQL, resyncs fetched from its PDS. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { decodeFrame } from '../../src/atproto/frame.ts'
import { parseLabelMessage } from '../../src/atproto/message.ts'
import {
  cursorKey,
  FIREHOSE_BACKFILL,
  FIREHOSE_LIVE,
  LABEL_LIVE,
  REPO_BACKFILL,
} from '../../src/event/streams.ts'
import { needs } from '../harness/services.ts'
import { miscounted } from './counts.ts'
import { readHistory } from './history.ts'
import { Judge } from './judge.ts'
import { golden, NETWORK_COLLECTIONS, NETWORK_DIR, readFrames, readMessages } from './network.ts'
import { withPipeline, type Pipeline, type Scene } from './pipeline.ts'
import { BACKFILL_RULES } from './rules-backfill.ts'
import { HISTORY_RULES } from './rules-history.ts'
import { REFERENCE_RULES } from './rules-reference.ts'
import { readTables, type Tables } from './tables.ts'
import { until } from './until.ts'

const SCENE: Scene = { serveDir: NETWORK_DIR, collections: NETWORK_COLLECTIONS }
const history = readHistory()

const labels = readFrames('labels.frames').map((bytes) => {
  const frame = decodeFrame(bytes)
  const message = 'drop' in frame || frame.kind !== 'message' ? null : parseLabelMessage(frame)
  assert.ok(message && 'type' in message && message.type === 'labels')
  return message
})

/** Everything of the firehose and of the labeler is durable. */
const ingested = async ({ log, sandbox }: Pipeline): Promise<void> => {
  const last = Math.max(...readMessages().map(({ seq }) => seq))
  const lastLabel = Math.max(...labels.map(({ seq }) => seq))
  const stands = async (stream: string, host: string | undefined, seq: number) =>
    (await log.checkpoint(cursorKey(stream, host ?? ''))) === String(seq)
  await until(() => stands(FIREHOSE_LIVE, sandbox.relayUrls[0], last))
  await until(() => stands(LABEL_LIVE, sandbox.labelerUrls[0], lastLabel))
}

const judgeTables = (t: TestContext, judge: Judge, name: string, ours: Tables) => {
  for (const line of judge.judge({ name, ours, theirs: golden })) t.diagnostic(line)
  assert.deepEqual(miscounted(ours), [])
}

test(
  'event by event, and resyncs after it, the live pipeline makes the tables of the reference',
  needs('pg'),
  async (t) => {
    const judge = new Judge(history, REFERENCE_RULES, [...HISTORY_RULES])
    await withPipeline(SCENE, async (pipeline) => {
      const { ingester, indexer, backfiller, start, drained, pool } = pipeline
      // Two batches of a stream are under way at once, so that neighbours may change places.
      start(ingester('firehose'), ingester('labeler'), indexer({ batchSize: 1 }))
      await ingested(pipeline)
      await drained(FIREHOSE_LIVE, LABEL_LIVE)
      start(backfiller())
      await drained(REPO_BACKFILL, FIREHOSE_BACKFILL)
      judgeTables(t, judge, 'live, event by event', await readTables(pool, Object.keys(golden)))
      const { label = [] } = await readTables(pool, ['label'])
      const sent = labels.flatMap((message) => message.labels)
      assert.equal(
        label.length,
        new Set(sent.map(({ src, uri, cid, val }) => [src, uri, cid, val].join())).size,
      )
    })
    judge.assertAllUsed()
  },
)

test(
  'with resyncs racing the firehose, and batches as they come, no difference is without a reason',
  needs('pg'),
  async (t) => {
    const judge = new Judge(history, [], [...REFERENCE_RULES, ...HISTORY_RULES, ...BACKFILL_RULES])
    await withPipeline(SCENE, async (pipeline) => {
      const { ingester, indexer, backfiller, start, drained, pool } = pipeline
      start(ingester('firehose'), ingester('labeler'), indexer({ batchSize: 500 }), backfiller())
      await ingested(pipeline)
      await drained(REPO_BACKFILL, FIREHOSE_LIVE, FIREHOSE_BACKFILL, LABEL_LIVE)
      judgeTables(t, judge, 'live, all at once', await readTables(pool, Object.keys(golden)))
    })
  },
)
