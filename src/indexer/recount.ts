/**
 * Compares the aggregates with the rows they count and, where asked, mends them, while indexers go on. Guarantees: memory and
 * every transaction are bounded by a range of keys (the rows of one key are never split); what is told is no race, because a
 * range is compared in one snapshot; a mended figure stays right, because its line is held before its rows are counted: who
 * committed before is counted, who commits later adds to what we wrote. Lines are held table by table and in the order of the
 * writers, and nothing else is held, so nobody waits in a circle. Knows no rule of counting: they are the collections'.
 */
import type { Pool } from '../db/pool.ts'
import type { Statement } from '../db/queryable.ts'
import { sqlState } from '../db/sql-error.ts'
import { backoffMs, sleep } from '../lib/backoff.ts'
import { TransientError } from '../lib/errors.ts'
import { AGGREGATES, type Aggregate } from './count-sources.ts'
import { boundary, compareAndMend, compareRange, hold, type Compared, type Range } from './recount-sql.ts'

/** A figure that is not what the rows say. */
export type Drift = {
  readonly table: string
  readonly key: string
  readonly column: string
  readonly stored: number
  readonly counted: number
}

export type TableRecount = {
  readonly table: string
  /** Keys that have a line, or rows that count for them. */
  readonly keys: number
  readonly rows: number
}

export type ColumnRecount = {
  readonly table: string
  readonly column: string
  readonly found: number
  readonly repaired: number
  /** What all that is too much and too little adds up to. */
  readonly tooMuch: number
  readonly tooLittle: number
}

export type Recount = {
  /** False: it was stopped before the end. */
  readonly complete: boolean
  readonly tables: readonly TableRecount[]
  readonly columns: readonly ColumnRecount[]
  /** The first that were found. */
  readonly examples: readonly Drift[]
}

export type RecountOptions = {
  readonly repair: boolean
  /** Most rows of one table in a range, besides those of its last key. */
  readonly rangeRows: number
  readonly signal?: AbortSignal
  /** After every range. */
  readonly onRange?: (table: TableRecount, found: number) => void
}

/** Keys whose lines are held at a time. */
const MEND_AT_ONCE = 100
const MAX_EXAMPLES = 100
const ATTEMPTS = 5

/** Errors: TransientError (PostgreSQL stays away, or a statement takes too long). */
export const recount = async (pool: Pool, options: RecountOptions): Promise<Recount> => {
  const tally = new Tally()
  for (const aggregate of AGGREGATES) await recountTable(pool, aggregate, options, tally)
  return tally.report(options.signal?.aborted !== true)
}

const recountTable = async (
  pool: Pool,
  aggregate: Aggregate,
  options: RecountOptions,
  tally: Tally,
): Promise<void> => {
  let range: Range = { after: null, upTo: null }
  do {
    if (options.signal?.aborted) return
    const { after } = range
    const [end] = await ask<{ upTo: string | null }>(
      pool,
      boundary(pool.schema, aggregate, after, options.rangeRows),
    )
    range = { after, upTo: end?.upTo ?? null }
    const compared = await ask<Compared>(pool, compareRange(pool.schema, aggregate, range))
    const found = driftIn(aggregate, compared)
    const { keys, rows } = compared[0] ?? { keys: 0, rows: 0 }
    if (options.repair) await mend(pool, aggregate, found)
    tally.add({ table: aggregate.table, keys, rows }, found, options.repair)
    options.onRange?.(tally.table(aggregate.table), tally.found)
    range = { after: range.upTo, upTo: null }
  } while (range.after !== null)
}

/** Afterwards each of the keys is right, be it that somebody else mended it in between. */
const mend = async (pool: Pool, aggregate: Aggregate, found: readonly Drift[]): Promise<void> => {
  const keys = [...new Set(found.map(({ key }) => key))]
  for (let from = 0; from < keys.length; from += MEND_AT_ONCE) {
    const some = keys.slice(from, from + MEND_AT_ONCE)
    await patiently(() =>
      pool.transaction(async (tx) => {
        await tx.query(hold(pool.schema, aggregate, some))
        await tx.query(compareAndMend(pool.schema, aggregate, some))
      }),
    )
  }
}

/** Pure. */
const driftIn = ({ table, columns }: Aggregate, compared: readonly Compared[]): readonly Drift[] =>
  compared.flatMap((line) => {
    const { key } = line
    if (key === null) return []
    return columns
      .map((column, i) => ({
        table,
        key,
        column,
        stored: Number(line[`s${i}`]),
        counted: Number(line[`c${i}`]),
      }))
      .filter(({ stored, counted }) => stored !== counted)
  })

/** Unnamed, so that each is planned for the range it is about. */
const ask = async <R>(pool: Pool, statement: Statement): Promise<readonly R[]> =>
  (await patiently(() => pool.query<R>(statement))).rows

/** What took too long once takes as long again. */
const isTooSlow = (error: TransientError): boolean => sqlState(error) === '57014'

const patiently = async <T>(attempt: () => Promise<T>): Promise<T> => {
  for (let tries = 1; ; tries++) {
    try {
      return await attempt()
    } catch (error) {
      if (!(error instanceof TransientError) || isTooSlow(error) || tries >= ATTEMPTS) throw error
      await sleep(backoffMs(tries, { initialMs: 200, maxMs: 2_000 }))
    }
  }
}

class Tally {
  readonly #tables = new Map<string, TableRecount>()
  readonly #columns = new Map<string, ColumnRecount>(
    AGGREGATES.flatMap(({ table, columns }) => columns.map((column) => [column, emptyColumn(table, column)])),
  )
  readonly #examples: Drift[] = []
  found = 0

  add({ table, keys, rows }: TableRecount, drift: readonly Drift[], repaired: boolean): void {
    const before = this.table(table)
    this.#tables.set(table, { table, keys: before.keys + keys, rows: before.rows + rows })
    this.found += drift.length
    for (const one of drift) this.#addDrift(one, repaired)
    this.#examples.push(...drift.slice(0, MAX_EXAMPLES - this.#examples.length))
  }

  table(table: string): TableRecount {
    return this.#tables.get(table) ?? { table, keys: 0, rows: 0 }
  }

  report(complete: boolean): Recount {
    const tables = AGGREGATES.map(({ table }) => this.table(table))
    return { complete, tables, columns: [...this.#columns.values()], examples: this.#examples }
  }

  #addDrift({ table, column, stored, counted }: Drift, repaired: boolean): void {
    const before = this.#columns.get(column) ?? emptyColumn(table, column)
    this.#columns.set(column, {
      ...before,
      found: before.found + 1,
      repaired: before.repaired + (repaired ? 1 : 0),
      tooMuch: before.tooMuch + Math.max(0, stored - counted),
      tooLittle: before.tooLittle + Math.max(0, counted - stored),
    })
  }
}

const emptyColumn = (table: string, column: string): ColumnRecount => ({
  table,
  column,
  found: 0,
  repaired: 0,
  tooMuch: 0,
  tooLittle: 0,
})

/** Wrong figures by column, as they are kept. */
export const foundByColumn = ({ columns }: Recount): Readonly<Record<string, number>> =>
  Object.fromEntries(columns.map(({ column, found }) => [column, found]))
