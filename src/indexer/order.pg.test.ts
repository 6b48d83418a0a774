import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import type { Pool } from '../db/pool.ts'
import type { StreamEvent } from '../event/event.ts'
import { openTestDatabase, type TableRow, type TestDatabase } from './testing.ts'
import { applyBatch } from './testing-batch.ts'
import {
  anyDelivery,
  anyHistory,
  anyThread,
  deliver,
  eventsOf,
  MARK,
  marked,
  markOf,
} from './testing-history.ts'

/** A run takes a second or so; `PROPERTY_RUNS=500` looks further. */
const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 25)
const SEED = Number(process.env['PROPERTY_SEED'] ?? 20_250_601)

const TABLES = [
  'record',
  'post',
  'post_embed_record',
  'feed_item',
  'quote',
  'op_thread_reply',
  'like',
  'repost',
  'follow',
  'actor_block',
  'list_item',
  'verification',
  'profile',
  'thread_gate',
  'post_gate',
  'duplicate_record',
  'actor_sync',
  'post_agg',
  'profile_agg',
  'notification',
]

let db: TestDatabase
let runs = 0

before(async () => {
  db = await openTestDatabase()
})
after(() => db[Symbol.asyncDispose]())

/** A line of aggregates that has come down to 0 says the same as none: the AppView reads 0 for an absent one. */
const saysSomething = (table: string, row: TableRow): boolean =>
  !table.endsWith('_agg') || Object.values(row).some((value) => typeof value === 'number' && value !== 0)

const readTables = async (pool: Pool, mark: string): Promise<Record<string, string[]>> => {
  const read = async (table: string) => {
    const name = `${pool.schema}."${table}"`
    const text = `select * from ${name} t where t::text like '%${mark}%'`
    const { rows } = await pool.query<TableRow>({ text })
    const lines = rows
      .filter((row) => saysSomething(table, row))
      .map(({ id: _, ...row }) => JSON.stringify(row))
    return [table, lines.map((line) => line.replaceAll(mark, MARK)).sort()] as const
  }
  return Object.fromEntries(await Promise.all(TABLES.map(read)))
}

const inOrder = async (pool: Pool, events: readonly StreamEvent[]) => {
  const mark = markOf(runs++)
  for (const event of marked(events, mark)) await applyBatch(pool, [event])
  return readTables(pool, mark)
}

const holdsFor = (histories: typeof anyHistory, numRuns: number) => {
  const property = fc.asyncProperty(histories, anyDelivery, async (steps, delivery) => {
    const events = eventsOf(steps)
    const expected = await inOrder(db.pool, events)
    const mark = markOf(runs++)
    const lanes = deliver(marked(events, mark), delivery)
    await Promise.all(
      lanes.map(async (batches) => {
        for (const batch of batches) await applyBatch(db.pool, batch)
      }),
    )
    assert.deepEqual(await readTables(db.pool, mark), expected)
  })
  // A counterexample that could be smaller is better than a test that is cut off.
  return fc.assert(property, { numRuns, seed: SEED, interruptAfterTimeLimit: 120_000 })
}

test('events in any order, repeated, in any batches, from several writers leave the same rows', () =>
  holdsFor(anyHistory, RUNS))

test('whatever happens in a thread, in any order, leaves the same standing and the same notifications', () =>
  holdsFor(anyThread, RUNS * 4))
