/**
 * How the indexer talks to its tables: set-based inserts and deletes (src/db/statements.ts) by table name, and single
 * statements for everything else. Each shape is prepared once.
 */
import { hash } from 'node:crypto'
import type { Queryable, Statement } from '../db/pool.ts'
import { deleteByUriSql, upsertSql, writeRows, type Prepared, type UpsertShape } from '../db/statements.ts'
import type { StatementKind } from '../db/statement-kind.ts'
import type { Row } from './collection.ts'

/** What runs a statement: a transaction of the pool. */
export type Tx = Queryable

/** `tx`, whose statements are of this kind unless they have been given one already: the innermost word stands. */
export const ofKind = (tx: Tx, kind: StatementKind): Tx => ({
  query: (statement) => tx.query({ kind, ...statement }),
})

const names = new Map<string, string>()

/** A prepared statement is known to its connection by name: two texts under one name would be refused, so the text is in it. */
const nameOf = (name: string, text: string): string => {
  const known = names.get(text)
  if (known !== undefined) return known
  const full = `${name}_${hash('sha1', text).slice(0, 8)}`
  names.set(text, full)
  return full
}

/** Runs a statement for its rows. Its text is one of a fixed few: values are parameters, never part of it. */
export const run = async <R>(tx: Tx, statement: Statement & { name: string }): Promise<readonly R[]> =>
  (await tx.query<R>({ ...statement, name: nameOf(statement.name, statement.text) })).rows

/** The uris that a statement resolves with. */
export const runForUris = async (
  tx: Tx,
  statement: Statement & { name: string },
): Promise<readonly string[]> => (await run<{ uri: string }>(tx, statement)).map(({ uri }) => uri)

const shapes = new Map<string, Prepared>()

const shaped = (key: string, make: () => Prepared): Prepared => {
  const known = shapes.get(key) ?? make()
  shapes.set(key, known)
  return known
}

type InsertOptions = Pick<UpsertShape, 'schema' | 'table' | 'conflict' | 'set'> & {
  readonly rows: readonly Row[]
  /** Sort key: concurrent writers lock in the same order. */
  readonly orderBy: readonly string[]
  readonly returning?: readonly string[]
}

const listed = (columns: readonly string[]): string => columns.map((column) => `"${column}"`).join(', ')

/** Inserts rows, by default those that meet no other; resolves with the `returning` columns of those that were written. */
export const insertRows = async (tx: Tx, options: InsertOptions): Promise<readonly Row[]> => {
  const { schema, table, rows, orderBy, conflict = 'any', set = 'nothing', returning = [] } = options
  const [first] = rows
  if (!first) return []
  const shape = shaped(`insert ${schema} ${table} ${returning.join()}`, () =>
    upsertSql({
      schema,
      table,
      columns: Object.keys(first),
      conflict,
      set,
      ...(returning.length > 0 && { returning: listed(returning) }),
    }),
  )
  return writeRows<Row>(tx, shape, rows, { orderBy })
}

/** Deletes the rows whose `owner` column is one of `uris`; resolves with the `returning` columns of those that were there. */
export const deleteRows = async (
  tx: Tx,
  from: { schema: string; table: string; owner: string; returning?: readonly string[] },
  uris: readonly string[],
): Promise<readonly Row[]> => {
  if (uris.length === 0) return []
  const { schema, table, owner, returning = [owner] } = from
  const shape = shaped(`delete ${schema} ${table} ${owner} ${returning.join()}`, () =>
    deleteByUriSql({ schema, table, column: owner, returning: listed(returning) }),
  )
  const { columns: _, ...statement } = shape
  return (await tx.query<Row>({ ...statement, values: [uris] })).rows
}
