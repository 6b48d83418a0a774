import assert from 'node:assert/strict'
import { after, before, test, type TestContext } from 'node:test'
import { openPool } from '../db/pool.ts'
import { TransientError } from '../lib/errors.ts'
import { silentLogger } from '../lib/logger.ts'
import { CONTRACT } from '../monitoring/contract.ts'
import { checkDeclarations, missingFromScrape } from '../monitoring/declarations.ts'
import { scrape } from '../monitoring/registry.ts'
import { STORE_METRICS, STREAM_METRICS } from '../monitoring/stream-metrics.ts'
import { FIREHOSE_BACKFILL, FIREHOSE_LIVE, LABEL_LIVE } from '../event/streams.ts'
import type { Lookup } from './lookup.ts'
import { indexerDeclarations } from './metrics.ts'
import { didOf, openTestDatabase, until, type TestDatabase } from './testing.ts'
import { asked, named } from './testing-accounts.ts'
import { CAUSES, type CauseRow, type World } from './testing-causes.ts'
import { FLOW_CAUSES } from './testing-flow-causes.ts'
import { openTestLog, startIndexer } from './testing-loop.ts'

const INDEXER_METRICS = indexerDeclarations([FIREHOSE_LIVE, FIREHOSE_BACKFILL, LABEL_LIVE])

let db: TestDatabase

before(async () => {
  db = await openTestDatabase()
})
after(() => db[Symbol.asyncDispose]())

test('every declaration obeys the rules, and every name of the contract is declared with its type', () => {
  assert.deepEqual(checkDeclarations(INDEXER_METRICS), [])
  const types = new Map(INDEXER_METRICS.map(({ name, type }) => [name, type]))
  for (const { name, type } of CONTRACT.indexer) assert.equal(types.get(name), type, name)
})

test('every series is there at boot, and what counts is at 0', async () => {
  await using store = await openTestLog()
  await using indexer = startIndexer({ log: store.log, pool: db.pool })
  const { text, failures } = await scrape(indexer.registry)
  assert.deepEqual(failures, [])
  assert.deepEqual(missingFromScrape(text, INDEXER_METRICS), [])
  const counters = text.split('\n').filter((line) => /^indexer_\w+(_total|_count)/.test(line))
  assert.ok(counters.length > 40)
  assert.deepEqual(
    counters.filter((line) => !line.endsWith(' 0')),
    [],
  )
})

/** A question that is answered by nothing but the end of the service. */
const never = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new TransientError('no answer')), { once: true })
  })

const moves = async (context: TestContext, [series, cause]: CauseRow, index: number): Promise<void> => {
  const did = didOf(`metric${[...String(index)].map((digit) => 'bcdehijklm'[Number(digit)]).join('')}`)
  await using store = await openTestLog()
  const pool = await openPool({ url: db.url, max: 2, logger: silentLogger })
  const like = (end: string) => `${did.slice(0, -1)}${end}`
  const lookup = asked({
    [did]: named(`metric${index}.test`),
    [like('n')]: { identity: { handle: null } },
    [like('g')]: { identity: 'gone' },
  })
  const mute: Lookup = {
    ...lookup,
    identity: (who, signal) =>
      who !== did && who.startsWith(did.slice(0, -2)) && who.endsWith('h')
        ? never(signal)
        : lookup.identity(who, signal),
  }
  const more = { batchSize: 6, lookup: mute, lookupConcurrency: 1, factsEveryMs: 0 }
  const indexer = startIndexer({ log: store.log, pool, ...more })
  const later: World['later'] = []
  try {
    await cause({ ...store, did, admin: db.pool, indexer, context, later })
    await until(`${series} has moved`, async () => (await indexer.metric(series)) > 0)
  } finally {
    for (const end of later) await end()
    store.away.clear()
    await indexer.stop()
    await pool.close()
  }
}

const ALL = [...CAUSES, ...FLOW_CAUSES]

for (const [index, row] of ALL.entries()) {
  test(`${row[0]} moves with its cause`, (context) => moves(context, row, index))
}

/** Streams and stores are moved on each kind of store, in src/stream. */
test('every metric that is declared has a cause above', () => {
  const shown = ALL.map(([series]) => series)
  const elsewhere = new Set([...STREAM_METRICS, ...STORE_METRICS].map(({ name }) => name))
  const without = INDEXER_METRICS.filter(
    ({ name }) => !elsewhere.has(name) && !shown.some((series) => series.startsWith(name)),
  )
  assert.deepEqual(
    without.map(({ name }) => name),
    [],
  )
})
