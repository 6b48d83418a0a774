import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { openPool } from '../db/pool.ts'
import type { StreamEvent } from '../event/event.ts'
import { FIREHOSE_LIVE } from '../event/streams.ts'
import { silentLogger } from '../lib/logger.ts'
import {
  at,
  create,
  didOf,
  openTestDatabase,
  ref,
  remove,
  timeOf,
  TOO_LONG,
  until,
  type TestDatabase,
} from './testing.ts'
import { append, isEmpty, openTestLog, startIndexer, type Running, type TestLog } from './testing-loop.ts'

const RESIDUAL = `indexer_conservation_residual{stream="${FIREHOSE_LIVE}"}`
const TYPES = { create: 'indexer_create_events_total', delete: 'indexer_delete_events_total' }
const RESULTS = ['applied', 'stale', 'repeated', 'unchanged', 'dropped']

type Step = 'good' | 'deleted' | 'unreadable' | 'refused' | 'invalid' | 'cut' | 'no_ack' | 'ack' | 'stop'
const STEPS: readonly Step[] = [
  'good',
  'deleted',
  'unreadable',
  'refused',
  'invalid',
  'cut',
  'no_ack',
  'ack',
  'stop',
]

type Scene = { readonly db: TestDatabase; readonly store: TestLog; readonly start: () => Running }

let serial = 0
const like = (subject: string): StreamEvent => {
  const n = ++serial
  return create(n, [didOf('balance'), 'like', `l${n % 40}`], { subject: ref(subject), createdAt: timeOf(n) })
}

const takeStep = async ({ db, store, start }: Scene, running: Running, step: Step): Promise<Running> => {
  const { log, away } = store
  const many = (make: () => StreamEvent) => append(log, ...Array.from({ length: 7 }, make))
  if (step === 'good') await many(() => like(at(didOf('x'), 'post', `p${serial}`)))
  if (step === 'deleted') await append(log, remove(++serial, [didOf('balance'), 'like', `l${serial % 40}`]))
  if (step === 'unreadable') await log.append(FIREHOSE_LIVE, [{ event: 'no json' }])
  if (step === 'refused') await append(log, like(TOO_LONG))
  if (step === 'invalid') await append(log, create(++serial, [didOf('balance'), 'post', 'p'], {}))
  if (step === 'cut') {
    const text =
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()'
    await db.pool.query({ text }).catch(() => {})
  }
  if (step === 'no_ack') away.add('ack')
  if (step === 'ack') away.delete('ack')
  if (step !== 'stop') return running
  away.delete('ack')
  await running.stop()
  await checkBalance(running)
  return start()
}

/** Entries, and the events that came of them: for each type its results add up. */
const checkBalance = async (running: Running): Promise<void> => {
  assert.equal(await running.metric(RESIDUAL), 0)
  for (const [type, counter] of Object.entries(TYPES)) {
    const series = RESULTS.map((result) => `indexer_event_results_total{type="${type}",result="${result}"}`)
    const [all = NaN, ...parts] = await Promise.all([counter, ...series].map((name) => running.metric(name)))
    assert.equal(
      parts.reduce((sum, part) => sum + part, 0),
      all,
      type,
    )
  }
}

const balances = async (db: TestDatabase, steps: readonly Step[]): Promise<void> => {
  await using store = await openTestLog()
  const pool = await openPool({ url: db.url, max: 4, logger: silentLogger })
  const scene: Scene = { db, store, start: () => startIndexer({ ...store, pool, batchSize: 3 }) }
  let running = scene.start()
  try {
    for (const step of steps) {
      running = await takeStep(scene, running, step)
      await checkBalance(running)
    }
    store.away.clear()
    await running.stop()
    running = scene.start()
    await until('the stream is empty', async () => {
      await checkBalance(running)
      return isEmpty(store.log)
    })
    await running.stop()
    await checkBalance(running)
  } finally {
    await running.stop()
    await pool.close()
  }
}

test('every entry is accounted for at every moment, through poison, refusals, cuts, failed acknowledgements and stops', async () => {
  await using db = await openTestDatabase()
  await fc.assert(
    fc.asyncProperty(fc.array(fc.constantFrom(...STEPS), { minLength: 3, maxLength: 14 }), (steps) =>
      balances(db, steps),
    ),
    { numRuns: 12 },
  )
})
