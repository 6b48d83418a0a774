/**
 * Events indexed per second: the indexer's whole write path (decode, plan, facts, settle; one indexer with its lanes), against the raw ceiling of
 * the same run: COPY of the very rows it wrote into tables of the same shape with the same indexes; and, where `npm run conformance` has
 * installed it, against the reference's own indexing service. PostgreSQL is the embedded one, durable as in production, and shares the
 * machine. Run: node bench/index.ts [--events 20000] [--accounts 2000] [--batch 500,2000] [--profile] [--reference]
 */
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import type { Pool } from '../src/db/pool.ts'
import { decodeEvent } from '../src/event/codec.ts'
import type { StreamEvent } from '../src/event/event.ts'
import { sandboxEntries } from './entries.ts'
import { indexAll, median, profile, withDatabase, type Run } from './indexing.ts'
import { hasReference, indexByReference } from './reference.ts'
import { copyIn, createTables, withRowsOf } from './rows.ts'

const TURNS = 3

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '20000' },
    /** Who writes them: a tenth by default. In a minute of the real network it is rather a third. */
    accounts: { type: 'string' },
    batch: { type: 'string', default: '500,2000' },
    /** A database of its own for the reference, in every turn. */
    reference: { type: 'boolean' },
    /** Where the time goes, by statement. */
    profile: { type: 'boolean' },
  },
})

/** COPY of the rows just written into a second set of tables; resolves with events per second, for the same events. */
const copyAll = async (pool: Pool, events: number): Promise<number> => {
  await createTables(pool, 'ceiling')
  return events / (await withRowsOf(pool, (folder) => copyIn(pool, 'ceiling', folder)))
}

const EVENTS_PER_ACCOUNT = 10
const events = Number(values.events)
const accounts = Number(values.accounts ?? Math.round(events / EVENTS_PER_ACCOUNT))
const entries = await sandboxEntries(events, accounts)
if (values.reference === true && !hasReference()) {
  console.error('the reference is not installed: run `npm run conformance` first')
  process.exit(69)
}
const table = new Table({
  head: [
    'batch',
    'events/s',
    'COPY of the rows, events/s',
    'share of the ceiling',
    'node CPU s',
    "PostgreSQL's CPU s",
    'statements / 1,000 events',
    'the reference, events/s',
    'times the reference',
  ],
})
for (const batch of values.batch.split(',').map(Number)) {
  const runs: Run[] = []
  const ceilings: number[] = []
  const references: number[] = []
  for (let turn = 0; turn < TURNS; turn++) {
    await withDatabase(async (pool) => {
      runs.push(await indexAll(pool, entries, batch))
      ceilings.push(await copyAll(pool, entries.length))
    })
    if (values.reference !== true) continue
    const events = entries.map((fields) => decodeEvent(fields) as StreamEvent)
    references.push(await withDatabase((pool, url) => indexByReference(pool, url, events)))
  }
  const own = median(runs.map(({ perSecond }) => perSecond))
  const ceiling = median(ceilings)
  table.push([
    batch,
    Math.round(own).toLocaleString('en'),
    Math.round(ceiling).toLocaleString('en'),
    `${Math.round((own / ceiling) * 100)} %`,
    median(runs.map(({ cpuSeconds }) => cpuSeconds)).toFixed(2),
    median(runs.map(({ serverSeconds }) => serverSeconds)).toFixed(2),
    Math.round(median(runs.map(({ statements }) => statements))),
    ...(references.length === 0
      ? ['', '']
      : [Math.round(median(references)).toLocaleString('en'), (own / median(references)).toFixed(1)]),
  ])
}
console.log(`${entries.length} events of ${accounts} accounts, medians of ${TURNS} runs in turn`)
console.log(table.toString())
if (values.profile === true) {
  const lines = [...profile].sort(([, a], [, b]) => b.seconds - a.seconds).slice(0, 25)
  const shown = new Table({ head: ['s', 'statements', 'text'] })
  for (const [text, { seconds, count }] of lines) shown.push([seconds.toFixed(2), count, text])
  console.log(shown.toString())
}
