/**
 * Set-based statements: a table's rows go in as one array per column, in one round trip, under a stable statement name (one
 * prepared statement per table and shape). Owns the shape of the SQL; knows no collection.
 */
import { hash } from 'node:crypto'
import type { Queryable, Statement } from '../db/pool.ts'
import type { Row } from './collection.ts'

/** What runs a statement: a transaction of the pool. */
export type Tx = Queryable

/** A prepared statement is known to its connection by name: two texts under one name would be refused, so the text is in it. */
const prepared = (statement: Statement): Statement => {
  const { name, text } = statement
  return name === undefined ? statement : { ...statement, name: `${name}_${hash('sha1', text).slice(0, 8)}` }
}

/** Runs a statement for its rows. */
export const run = async <R>(tx: Tx, statement: Statement): Promise<readonly R[]> =>
  (await tx.query<R>(prepared(statement))).rows

/** Columns that are not text; everything else travels as text. */
const CASTS: Readonly<Record<string, string>> = { langs: 'jsonb', tags: 'jsonb' }

const quoted = (name: string): string => `"${name}"`
const cell = (value: Row[string] | undefined): unknown =>
  Array.isArray(value) ? JSON.stringify(value) : (value ?? null)

/** `select "a", "b"::jsonb from unnest($1::text[], …) as i("a", "b")`, with the values column by column. */
const unnested = (columns: readonly string[], lines: readonly Row[]) => {
  const params = columns.map((_, index) => `$${index + 1}::text[]`).join(', ')
  const names = columns.map(quoted).join(', ')
  const picks = columns.map((name) => `i.${quoted(name)}${CASTS[name] ? `::${CASTS[name]}` : ''}`).join(', ')
  return {
    text: `select ${picks} from unnest(${params}) as i(${names})`,
    values: columns.map((column) => lines.map((row) => cell(row[column]))),
  }
}

type InsertOptions = {
  readonly schema: string
  readonly table: string
  readonly rows: readonly Row[]
  /** Sort key: concurrent writers lock in the same order. */
  readonly orderBy: readonly string[]
  /** What follows `on conflict`; by default an existing row stays. */
  readonly onConflict?: string
  readonly returning?: readonly string[]
}

/** Inserts rows; resolves with the `returning` columns of those that were really written. */
export const insertRows = async (tx: Tx, options: InsertOptions): Promise<readonly Row[]> => {
  const { schema, table, orderBy, onConflict = 'do nothing', returning = [] } = options
  const first = options.rows[0]
  if (!first) return []
  const columns = Object.keys(first)
  const source = unnested(columns, options.rows)
  const text = [
    `insert into ${schema}.${quoted(table)} as t (${columns.map(quoted).join(', ')})`,
    source.text,
    `order by ${orderBy.map((column) => `i.${quoted(column)}`).join(', ')}`,
    `on conflict ${onConflict}`,
    returning.length > 0 ? `returning ${returning.map(quoted).join(', ')}` : '',
  ].join('\n')
  return run<Row>(tx, { name: `insert_${schema}_${table}`, text, values: source.values })
}

/** Deletes the rows whose `owner` column is one of `uris`; resolves with the `returning` columns of those that were there. */
export const deleteRows = async (
  tx: Tx,
  from: { schema: string; table: string; owner: string; returning?: readonly string[] },
  uris: readonly string[],
): Promise<readonly Row[]> => {
  if (uris.length === 0) return []
  const { schema, table, owner, returning = [owner] } = from
  return run<Row>(tx, {
    name: `delete_${schema}_${table}_${owner}`,
    text: `delete from ${schema}.${quoted(table)} where ${quoted(owner)} = any($1::text[])
      returning ${returning.map(quoted).join(', ')}`,
    values: [uris],
  })
}
