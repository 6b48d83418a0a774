/**
 * Set-based statements, written once: however many rows, one statement per table and shape with one array per column, hence
 * one plan per connection and one round trip. Values are parameters only: whatever text a record holds arrives as it is.
 *
 * A text may hold anything but NUL, which PostgreSQL refuses (22021), and unpaired surrogates, which are no UTF-8. A jsonb
 * column takes JSON text. One statement must not name a key twice (21000): the last write is chosen before, not here.
 */
import { hash } from 'node:crypto'
import type { Queryable, Statement } from './pool.ts'
import { quoteName } from './schema/catalog.ts'
import { arrayType, tableName } from './tables.ts'

export type Value = string | number | bigint | boolean | null
export type Row = Readonly<Record<string, Value>>

/** A statement without its values. The name is made of the text, so equal names always mean equal text. */
export type Prepared = {
  readonly name: string
  readonly text: string
  readonly columns: readonly string[]
  /** The table whose rows it writes. */
  readonly writes?: string
}

export type UpsertShape = {
  readonly schema: string
  readonly table: string
  /** In the order in which their arrays become parameters. */
  readonly columns: readonly string[]
  /** Columns of the unique index that decides; `any`: whichever refuses (and nothing is set); absent: a duplicate is an error. */
  readonly conflict?: readonly string[] | 'any'
  /** What happens to a row that is there: nothing, these columns are replaced, or column to expression (`old`, `excluded`). */
  readonly set?: 'nothing' | readonly string[] | Readonly<Record<string, string>>
  /** SQL condition for the update, over `old` and `excluded`. */
  readonly where?: string
  /** SQL list of what comes back for each row that was written. */
  readonly returning?: string
}

export const prepare = (text: string, columns: readonly string[] = []): Prepared => ({
  name: `millrace_${hash('sha256', text).slice(0, 24)}`,
  text,
  columns,
})

export const upsertSql = (shape: UpsertShape): Prepared => {
  const { schema, table, columns, returning } = shape
  const names = columns.map(quoteName).join(', ')
  const arrays = columns.map((column, index) => `$${index + 1}::${arrayType(table, column)}`).join(', ')
  const text = [
    `INSERT INTO ${tableName(schema, table)} AS old (${names})`,
    `SELECT * FROM unnest(${arrays})`,
    conflictSql(shape),
    returning && `RETURNING ${returning}`,
  ]
  return { ...prepare(text.filter(Boolean).join(' '), columns), writes: table }
}

const conflictSql = ({ conflict, set = 'nothing', where }: UpsertShape): string => {
  if (!conflict) return ''
  if (conflict === 'any') return 'ON CONFLICT DO NOTHING'
  const target = `ON CONFLICT (${conflict.map(quoteName).join(', ')})`
  if (set === 'nothing') return `${target} DO NOTHING`
  const pairs = isList(set)
    ? set.map((column) => [column, `excluded.${quoteName(column)}`])
    : Object.entries(set)
  const assignments = pairs
    .map(([column = '', expression]) => `${quoteName(column)} = ${expression}`)
    .join(', ')
  return `${target} DO UPDATE SET ${assignments}${where ? ` WHERE ${where}` : ''}`
}

const isList = (set: Exclude<UpsertShape['set'], undefined | 'nothing'>): set is readonly string[] =>
  Array.isArray(set)

export type DeleteShape = {
  readonly schema: string
  readonly table: string
  /** `uri` by default. */
  readonly column?: string
  readonly returning?: string
}

/** Deletes by a list of keys, which is its only parameter. */
export const deleteByUriSql = ({ schema, table, column = 'uri', returning }: DeleteShape): Prepared => {
  const condition = `${quoteName(column)} = ANY($1::${arrayType(table, column)})`
  const text = `DELETE FROM ${tableName(schema, table)} WHERE ${condition}`
  return { ...prepare(returning ? `${text} RETURNING ${returning}` : text, [column]), writes: table }
}

/** One array per column: missing keys are NULL. */
export const bindRows = ({ columns, ...statement }: Prepared, rows: readonly Row[]): Statement => ({
  ...statement,
  values: columns.map((column) => rows.map((row) => row[column] ?? null)),
})

export type WriteOptions = {
  /** Rows are written in the order of these columns: two transactions then wait for, and never deadlock on, one another. */
  readonly orderBy: readonly string[]
  readonly maxRows?: number
  readonly maxBytes?: number
}

/**
 * Writes any number of rows in as few statements as their bounds allow; returns what the statements return. Within one
 * transaction all calls for one table must use the same order.
 */
export const writeRows = async <R>(
  db: Queryable,
  prepared: Prepared,
  rows: readonly Row[],
  options: WriteOptions,
): Promise<R[]> => {
  const returned: R[] = []
  for (const chunk of chunks(sortRows(rows, options.orderBy), options)) {
    for (const row of (await db.query<R>(bindRows(prepared, chunk))).rows) returned.push(row)
  }
  return returned
}

export const sortRows = (rows: readonly Row[], columns: readonly string[]): Row[] =>
  rows.toSorted((a, b) => {
    const column = columns.find((name) => a[name] !== b[name])
    if (column === undefined) return 0
    return (a[column] ?? '') < (b[column] ?? '') ? -1 : 1
  })

function* chunks(
  rows: readonly Row[],
  { maxRows = 2_000, maxBytes = 8_000_000 }: WriteOptions,
): Generator<Row[]> {
  let chunk: Row[] = []
  let bytes = 0
  for (const row of rows) {
    const size = rowBytes(row)
    if (chunk.length > 0 && (chunk.length >= maxRows || bytes + size > maxBytes)) {
      yield chunk
      chunk = []
      bytes = 0
    }
    chunk.push(row)
    bytes += size
  }
  if (chunk.length > 0) yield chunk
}

/** Roughly the bytes on the wire: UTF-16 units are near enough for a bound. */
const rowBytes = (row: Row): number => {
  let bytes = 0
  for (const name in row) {
    const value = row[name]
    bytes += typeof value === 'string' ? value.length + 3 : 8
  }
  return bytes
}
