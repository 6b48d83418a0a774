/**
 * How much slower a database that holds millions of records already is than an empty one: the same entries are indexed into both, in
 * turns, in batches and lanes as the indexer has them, and the memory of the process is watched. The full one is made inside
 * PostgreSQL (fill.ts). Entries are a sandbox network's, in two manners: `strangers` as they are, accounts that the full database
 * does not hold and that talk of one another; `known` of accounts that it does hold, every second like and repost of any
 * post that it holds: that asks for more of the old pages than a network that mostly talks of today. Every turn has entries and
 * an empty database of its own, and begins after a checkpoint; a first one of each manner warms up and is not counted. Beside it
 * the bound that PostgreSQL sets: what plain inserts of the rows of other such entries lose, also after a checkpoint.
 * Run: node bench/full.ts [--records 10000000] [--events 40000] [--accounts 4000] [--turns 3] [--manners strangers,known]
 *   [--keep <dir>] [--set shared_buffers=1GB]
 * The filled database takes 2.5 GB per million records, and minutes to make; `--keep` keeps it for the next run. `--set` gives
 * both servers another setting.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import type { Pool } from '../src/db/pool.ts'
import type { Fields } from '../src/stream/log.ts'
import { entriesApart } from './entries.ts'
import { fill, FILL_TIMEOUT_MS } from './fill.ts'
import { indexAll, median, withDatabase, type Run } from './indexing.ts'
import { createTables, insertRaw, withRowsOf } from './rows.ts'

const { values } = parseArgs({
  options: {
    records: { type: 'string', default: '10000000' },
    /** Records of a turn; the entries are some more. */
    events: { type: 'string', default: '40000' },
    /** Who writes them: a tenth by default. In a minute of the real network it is rather a third. */
    accounts: { type: 'string' },
    turns: { type: 'string', default: '3' },
    manners: { type: 'string', default: 'strangers,known' },
    /** Settings of PostgreSQL, of both servers. */
    set: { type: 'string', multiple: true, default: [] },
    /** Where the filled database stays. */
    keep: { type: 'string' },
  },
})

/** As the indexer has it. */
const BATCH = 2_000
const MANNERS = ['strangers', 'known'] as const
type Manner = (typeof MANNERS)[number]
const EVENTS_PER_ACCOUNT = 10
const SAMPLE = 50_000
const RSS_EVERY_MS = 50

type Watched = Run & { readonly residentMb: readonly number[]; readonly walMb: number }

const startedMs = performance.now()
const say = (what: string): void =>
  console.log(`${((performance.now() - startedMs) / 1_000).toFixed(0).padStart(5)} s  ${what}`)

/** What the full database holds that entries may speak of. */
type Known = {
  readonly dids: readonly string[]
  readonly posts: readonly { readonly uri: string; readonly cid: string }[]
}

const someOf = async <R>(pool: Pool, columns: string, table: string): Promise<readonly R[]> => {
  const share = `${SAMPLE}::float8 / (select greatest(1, reltuples) from pg_class where oid = '${table}'::regclass)`
  const text = `select ${columns} from ${table} where random() < ${share} order by random()`
  return (await pool.query<R>({ text })).rows
}

const knownOf = async (pool: Pool): Promise<Known> => ({
  dids: (await someOf<{ did: string }>(pool, 'did', 'bsky.actor')).map(({ did }) => did),
  posts: await someOf(pool, 'uri, cid', 'bsky.post'),
})

const pick = <T>(all: readonly T[]): T => all[Math.floor(Math.random() * all.length)] as T

type Event = { type: string; collection?: string; record?: { subject?: unknown } }

/** The same entry, of accounts that are known; every second like or repost of a post that is. */
const speakerOf = ({ dids, posts }: Known): ((entry: Fields) => Fields) => {
  const names = new Map<string, string>()
  const nameOf = (did: string): string => {
    const name = names.get(did) ?? dids[names.size % dids.length] ?? did
    names.set(did, name)
    return name
  }
  return ({ event: text = '' }) => {
    const renamed = text.replaceAll(/did:plc:[a-z2-7]{24}/g, nameOf)
    const event = JSON.parse(renamed) as Event
    const isOfPost = /^app\.bsky\.feed\.(like|repost)$/.test(event.collection ?? '')
    if (!event.record || !isOfPost || Math.random() < 0.5) return { event: renamed }
    const { uri, cid } = pick(posts)
    event.record.subject = { uri, cid }
    return { event: JSON.stringify(event) }
  }
}

const entriesOf = async (manner: Manner, known: Known): Promise<readonly Fields[]> => {
  const events = Number(values.events)
  const accounts = Number(values.accounts ?? Math.max(50, Math.round(events / EVENTS_PER_ACCOUNT)))
  // Nothing may come twice, not even into a database that was kept.
  const entries = await entriesApart(events, accounts, `${manner} ${Date.now()}`)
  return manner === 'known' ? entries.map(speakerOf(known)) : entries
}

const residentMb = (): number => process.memoryUsage.rss() / 1024 ** 2

/** How far the write-ahead log has come. */
const walMb = async (pool: Pool): Promise<number> => {
  const text = "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8 / 1048576 as mb"
  return (await pool.query<{ mb: number }>({ text })).rows[0]?.mb ?? NaN
}

const indexWatched = async (pool: Pool, entries: readonly Fields[]): Promise<Watched> => {
  await pool.query({ text: 'checkpoint' })
  const walBefore = await walMb(pool)
  const seen = [residentMb()]
  const timer = setInterval(() => seen.push(residentMb()), RSS_EVERY_MS)
  try {
    const run = await indexAll(pool, entries, BATCH)
    return { ...run, residentMb: [...seen, residentMb()], walMb: (await walMb(pool)) - walBefore }
  } finally {
    clearInterval(timer)
  }
}

/** The largest of each tenth. */
const tenths = (numbers: readonly number[]): number[] =>
  Array.from({ length: 10 }, (_, i) => {
    const from = Math.floor((numbers.length * i) / 10)
    const to = Math.max(from + 1, Math.floor((numbers.length * (i + 1)) / 10))
    return Math.round(Math.max(...numbers.slice(from, to)))
  })

const comma = (number: number): string => Math.round(number).toLocaleString('en')

type Side = 'empty' | 'full'
type Pair = Readonly<Record<Side, Watched>> & {
  /** Rows alone: events per second, of other entries of that manner. */
  readonly raw: Readonly<Record<Side, number>>
}

const line = (pairs: readonly Pair[], side: Side): readonly string[] => {
  const of = (figure: (run: Watched) => number) => median(pairs.map((pair) => figure(pair[side])))
  return [
    comma(of(({ perSecond }) => perSecond)),
    median(pairs.map((pair) => pair[side].perSecond / pair.empty.perSecond)).toFixed(2),
    of(({ cpuSeconds }) => cpuSeconds).toFixed(1),
    of(({ serverSeconds }) => serverSeconds).toFixed(1),
    comma(of((run) => run.walMb)),
    pairs.map((pair) => comma(pair[side].perSecond)).join(' '),
    comma(median(pairs.map(({ raw }) => raw[side]))),
    median(pairs.map(({ raw }) => raw[side] / raw.empty)).toFixed(2),
  ]
}

const HEAD = [
  ...['entries', 'database', 'events/s', 'of the empty one', 'node CPU s', "PostgreSQL's CPU s", 'WAL MB'],
  ...['each turn', 'rows alone, events/s', 'of the empty one'],
]

const report = (results: ReadonlyMap<Manner, readonly Pair[]>, megabytes: number): void => {
  const table = new Table({ head: HEAD, style: { head: [], border: [] } })
  const fullOne = `${comma(Number(values.records))} records, ${comma(megabytes)} MB`
  for (const [manner, pairs] of results) {
    table.push([manner, 'empty', ...line(pairs, 'empty')])
    table.push([manner, fullOne, ...line(pairs, 'full')])
  }
  console.log(`${comma(Number(values.events))} records a turn, ${values.turns} turns of each, medians`)
  console.log(table.toString())
}

const reportMemory = (runs: readonly Watched[]): void => {
  const { seconds, residentMb: seen } = runs.reduce((a, b) => (b.seconds > a.seconds ? b : a))
  const [first = NaN, middle = NaN, last = NaN] = [seen[0], seen[seen.length >> 1], seen.at(-1)]
  console.log(
    `resident MB of the longest run (${seconds.toFixed(1)} s): ${[first, middle, last].map(comma).join(', ')} at its ` +
      `beginning, middle, end; largest by tenths: ${tenths(seen).join(' ')}`,
  )
}

const megabytesOf = async (pool: Pool): Promise<number> => {
  const text = 'select pg_database_size(current_database()) / 1048576 as size'
  return (await pool.query<{ size: number }>({ text })).rows[0]?.size ?? NaN
}

const settings = Object.fromEntries(values.set.map((text) => text.split('=', 2) as [string, string]))

const takeRaw = (full: Pool, entries: readonly Fields[]): Promise<Pair['raw']> =>
  withDatabase(
    async (pool) => {
      await indexAll(pool, entries, BATCH)
      await createTables(pool, 'raw')
      return withRowsOf(pool, async (folder) => ({
        empty: entries.length / (await insertRaw(pool, 'raw', folder)),
        full: entries.length / (await insertRaw(full, 'bsky', folder)),
      }))
    },
    { settings },
  )

const takePair = async (full: Pool, entries: () => Promise<readonly Fields[]>): Promise<Pair> => {
  const own = await entries()
  return {
    empty: await withDatabase((pool) => indexWatched(pool, own), { settings }),
    full: await indexWatched(full, own),
    raw: await takeRaw(full, await entries()),
  }
}

const compare = async (full: Pool): Promise<void> => {
  const known = await knownOf(full)
  const megabytes = await megabytesOf(full)
  const manners = MANNERS.filter((manner) => values.manners.split(',').includes(manner))
  const results = new Map<Manner, Pair[]>(manners.map((manner) => [manner, []]))
  for (let turn = 0; turn <= Number(values.turns); turn++) {
    for (const manner of manners) {
      const pair = await takePair(full, () => entriesOf(manner, known))
      const [a, b] = [comma(pair.empty.perSecond), comma(pair.full.perSecond)]
      const [c, d] = [comma(pair.raw.empty), comma(pair.raw.full)]
      say(`turn ${turn}, ${manner}: empty ${a}, full ${b} events/s; rows alone ${c}, ${d}`)
      if (turn > 0) results.get(manner)?.push(pair)
    }
  }
  report(results, megabytes)
  reportMemory([...results.values()].flat().flatMap(({ empty, full }) => [empty, full]))
}

/** How many records a folder's database was filled with; null when it was not, or not to the end. */
const filledWith = (marker: string): string | null =>
  existsSync(marker) ? readFileSync(marker, 'utf8') : null

const main = async (): Promise<void> => {
  const folder = values.keep === undefined ? undefined : resolve(values.keep)
  const marker = folder === undefined ? null : join(folder, 'records')
  const held = marker === null ? null : filledWith(marker)
  if (held !== null && held !== values.records) {
    console.error(`${folder} holds a database of ${held} records: name another folder, or remove it`)
    process.exit(64)
  }
  if (folder !== undefined) mkdirSync(folder, { recursive: true })
  if (held === null) say(`filling a database with ${comma(Number(values.records))} records`)
  const options = { folder, statementTimeoutMs: FILL_TIMEOUT_MS, settings }
  await withDatabase(async (pool) => {
    if (held === null) await fill(pool, Number(values.records), say)
    if (held === null && marker !== null) writeFileSync(marker, values.records)
    await compare(pool)
  }, options)
}

await main()
