/**
 * Two relays carry the same events. Whoever follows both ends with the same tables as whoever follows one: every record once,
 * every notification once, every count the same.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pool } from '../../src/db/pool.ts'
import { startSandbox, type Truth } from '../../src/sandbox/index.ts'
import { needs } from '../harness/services.ts'
import { differences, drift } from './oracle.ts'
import { openPipeline, type Pipeline } from './pipeline.ts'
import { deadLetters, liveBacklog } from './settled.ts'
import { until } from './until.ts'

/** Serial numbers; when an identity was last looked up depends on how events fell into batches. */
const isOwn = (table: string, column: string): boolean =>
  column === 'id' || (table === 'actor' && column === 'indexedAt')

const tablesOf = async (pool: Pool): Promise<readonly string[]> => {
  const { rows } = await pool.query<{ name: string }>({
    text: `SELECT table_name AS name FROM information_schema.tables
      WHERE table_schema = $1 AND table_type = 'BASE TABLE' ORDER BY 1`,
    values: [pool.schema],
  })
  return rows.map(({ name }) => name)
}

const UNDER_DELETED = `"recordUri" IN (
  WITH RECURSIVE orphan(uri) AS (
    SELECT p.uri FROM bsky.post p LEFT JOIN bsky.post q ON q.uri = p."replyParent"
      WHERE p."replyParent" IS NOT NULL AND q.uri IS NULL
    UNION SELECT p.uri FROM orphan o JOIN bsky.post p ON p."replyParent" = o.uri)
  SELECT uri FROM orphan)`

/** How the sandbox words a post that it writes again under the key of one it deleted. */
const RECREATED = `IN (SELECT uri FROM bsky.record WHERE json LIKE '%"text":"again %')`

/**
 * What only history can tell. A post that is deleted and written again loses what quoted and reposted it in between, and a reply
 * notified the authors above it when the post between them was still there: unless both fell into one batch.
 */
const HISTORY: Readonly<Record<string, string>> = {
  notification: `reason = 'reply' AND ${UNDER_DELETED}`,
  quote: `subject ${RECREATED}`,
  feed_item: `"postUri" ${RECREATED} AND type = 'repost'`,
  post_agg: `uri ${RECREATED}`,
}

const readRows = async (pool: Pool, table: string): Promise<Set<string>> => {
  const { rows } = await pool.query({
    text: `SELECT * FROM bsky."${table}" WHERE NOT (${HISTORY[table] ?? 'false'})`,
  })
  const lines = rows.map((row) => {
    const shared = Object.entries(row).filter(([column]) => !isOwn(table, column))
    return JSON.stringify(shared.sort(([a], [b]) => (a < b ? -1 : 1)))
  })
  assert.equal(new Set(lines).size, lines.length, `${table} holds nothing twice`)
  return new Set(lines)
}

/** The first lines of each table that only one of the two holds. */
const compareTables = async (one: Pool, two: Pool): Promise<string[]> => {
  const found: string[] = []
  for (const table of await tablesOf(one)) {
    const [ofOne, ofTwo] = [await readRows(one, table), await readRows(two, table)]
    const ones = [...ofOne].filter((row) => !ofTwo.has(row))
    const twos = [...ofTwo].filter((row) => !ofOne.has(row))
    found.push(...ones.slice(0, 3).map((row) => `${table}, one relay only: ${row}`))
    found.push(...twos.slice(0, 3).map((row) => `${table}, two relays only: ${row}`))
  }
  return found
}

const count = async (pool: Pool, table: string): Promise<number> =>
  (await pool.query<{ n: number }>({ text: `SELECT count(*)::int AS n FROM ${table}` })).rows[0]?.n ?? 0

/** Accounts of which no event may ever have told. */
const silent = ({ accounts, records }: Truth): ReadonlySet<string> => {
  const writers = new Set(records.map(({ did }) => did))
  return new Set(accounts.map(({ did }) => did).filter((did) => !writers.has(did)))
}

const settled = async (pipeline: Pipeline, truth: Truth): Promise<void> => {
  const { log, pool } = pipeline
  let seen: readonly string[] = []
  const look = async () => {
    await pipeline.alive()
    const left = await liveBacklog(log)
    const waiting = await count(pool, 'millrace.identity_work')
    seen =
      left + waiting > 0
        ? [`${left} entries in the streams, ${waiting} identities to look up`]
        : await differences(pool, truth, silent(truth))
    return seen.length === 0 ? true : null
  }
  await until('the tables equal the truth', look, { everyMs: 300, why: () => seen })
  assert.deepEqual(await drift(pool), [])
  assert.deepEqual(await deadLetters(log), [])
}

test(
  'two relays with the same events make the same tables, notifications and counts as one',
  needs('pg'),
  async (t) => {
    await using stack = new AsyncDisposableStack()
    const network = await startSandbox({
      seed: 'two relays',
      accounts: 60,
      records: 3_000,
      // A fetched record has the time of the fetch: only what is told live is the same, to the last column.
      backfillShare: 0,
      ratePerSecond: 500,
      relays: 2,
    })
    stack.defer(() => network.close())
    const relayUrls = network.relayUrls.slice(0, 1)
    const one = await openPipeline(network, stack, { relayUrls, backfiller: null })
    const two = await openPipeline(network, stack, { backfiller: null })
    await network.done
    const truth = network.truth()
    await Promise.all([settled(one, truth), settled(two, truth)])
    const commits = (pipeline: Pipeline) => pipeline.metric('ingester_frames_total', 'type="commit"')
    const heardBoth = async () => ((await commits(two)) >= 2 * (await commits(one)) ? true : null)
    await until('every commit has come from both relays', heardBoth)
    await settled(two, truth)
    assert.deepEqual(await compareTables(one.pool, two.pool), [])
    const notifications = await count(one.pool, 'bsky.notification')
    assert.ok(notifications > 100)
    t.diagnostic(`${truth.records.length} records, ${notifications} notifications`)
  },
)
