/**
 * What the database says of itself, asked seldom. Guarantees: at most one question every `everyMs` and never two at once, on a
 * connection that no writer needs, bounded in time; what cannot be had is NaN and `up` 0, never an old figure.
 */
import { readFacts, type ServerFacts } from '../db/facts.ts'
import { readDifferences } from '../db/migrate.ts'
import type { Pool } from '../db/pool.ts'
import { sleep } from '../lib/backoff.ts'
import { readResult, type RecountResult } from './recount-result.ts'
import { run, type Tx } from './sql.ts'

export type Facts = ServerFacts & {
  readonly up: number
  readonly schemaDifferences: number
  readonly identityQueue: number
  readonly identityOldestSeconds: number
  /** The last recount; null: none, or not known. */
  readonly recount: RecountResult | null
}

const TIMEOUT_MS = 1_500
/** A scrape waits a second for a figure: before that it gets what the question before this one found. */
const PATIENCE_MS = 700
const EVERY_MS = 15_000
const CATALOG_EVERY_MS = 300_000

const UNKNOWN: Facts = {
  up: 0,
  connections: NaN,
  connectionsLimit: NaN,
  longestTransactionSeconds: NaN,
  sequenceUsedRatio: NaN,
  sizeBytes: NaN,
  deadlocks: NaN,
  schemaDifferences: NaN,
  identityQueue: NaN,
  identityOldestSeconds: NaN,
  recount: null,
}

export class DatabaseFacts {
  readonly #pool: Pool
  readonly #everyMs: number
  /** Nothing has been asked yet: whether it is up is not known either. */
  #last: Facts = { ...UNKNOWN, up: NaN }
  #facts: Promise<Facts> = Promise.resolve(this.#last)
  #due = 0
  #asking = false
  #differences = { count: NaN, due: 0 }

  constructor(pool: Pool, everyMs: number = EVERY_MS) {
    this.#pool = pool
    this.#everyMs = everyMs
  }

  /** Never rejects, and never takes long. */
  async read(): Promise<Facts> {
    if (!this.#asking && performance.now() >= this.#due) {
      this.#asking = true
      this.#facts = this.#ask()
    }
    if (!this.#asking) return this.#facts
    const answered = new AbortController()
    const patience = sleep(PATIENCE_MS, answered.signal).then(() => this.#last)
    return Promise.race([this.#facts, patience]).finally(() => answered.abort())
  }

  async #ask(): Promise<Facts> {
    try {
      const facts = await this.#pool.aside((tx) => readAll(tx, this.#pool.schema), TIMEOUT_MS)
      this.#last = { up: 1, ...facts, schemaDifferences: await this.#countDifferences() }
    } catch {
      this.#last = UNKNOWN
    } finally {
      this.#asking = false
      this.#due = performance.now() + this.#everyMs
    }
    return this.#last
  }

  /** By itself: a table that somebody keeps locked holds up the catalog, and PostgreSQL is none the less up. */
  async #countDifferences(): Promise<number> {
    if (performance.now() < this.#differences.due) return this.#differences.count
    const { schema } = this.#pool
    const found = this.#pool.aside((tx) => readDifferences(tx, schema), TIMEOUT_MS)
    const count = await found.then(
      ({ length }) => length,
      () => NaN,
    )
    const everyMs = Number.isNaN(count) ? this.#everyMs : Math.min(CATALOG_EVERY_MS, this.#everyMs * 20)
    this.#differences = { count, due: performance.now() + everyMs }
    return count
  }
}

const readAll = async (tx: Tx, schema: string): Promise<ServerFacts & Queue & Pick<Facts, 'recount'>> => ({
  ...(await readFacts(tx, schema)),
  ...(await readIdentityQueue(tx)),
  recount: await readResult(tx),
})

type Queue = Pick<Facts, 'identityQueue' | 'identityOldestSeconds'>

/** Counted in the index and up to a bound: right after a backfill the queue holds every account of the network. */
const readIdentityQueue = async (tx: Tx): Promise<Queue> => {
  const [queue] = await run<Queue>(tx, {
    name: 'identity_queue',
    text: `select (select count(*) from (select 1 from millrace.identity_work where due <= now() limit 100000) d) as "identityQueue",
        greatest(0, coalesce(extract(epoch from now() - (select min(due) from millrace.identity_work)), 0))::float8
          as "identityOldestSeconds"`,
    values: [],
  })
  return queue ?? { identityQueue: NaN, identityOldestSeconds: NaN }
}
