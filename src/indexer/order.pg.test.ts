import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import type { Pool } from '../db/pool.ts'
import type { StreamEvent } from '../event/event.ts'
import { openTestDatabase, type TestDatabase } from './testing.ts'
import { anyDelivery, anyHistory, anyThread, deliver, eventsOf, marked, markOf } from './testing-history.ts'
import { applyBatch, readTables } from './testing-tables.ts'

/** A run takes a second or so; `PROPERTY_RUNS=500` looks further. */
const RUNS = Number(process.env['PROPERTY_RUNS'] ?? 25)
const SEED = Number(process.env['PROPERTY_SEED'] ?? 20_250_601)

let db: TestDatabase
let runs = 0

before(async () => {
  db = await openTestDatabase()
})
after(() => db[Symbol.asyncDispose]())

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
