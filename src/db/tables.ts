/** The tables we write, as data: which columns a table has and of which type their values travel. */
import { APPVIEW } from './schema/appview.ts'
import { quoteName } from './schema/catalog.ts'

/** Tables of schema `millrace` (their SQL: schema/own.ts). */
const OWN: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'millrace.record_rev': { key: 'uuid', rev: 'bigint', deleted: 'boolean' },
  'millrace.meta': { key: 'text', value: 'text' },
}

/** Column name to PostgreSQL type. A table is named `like`, or `millrace.record_rev` when it is ours. */
export const columnTypes = (table: string): Readonly<Record<string, string>> => {
  const declared = APPVIEW.tables[table]
  const types = declared
    ? Object.fromEntries(declared.columns.map(({ name, type }) => [name, type]))
    : OWN[table]
  if (!types) throw new Error(`no table ${table}`)
  return types
}

/** The array type in which many values of a column travel as one parameter. */
export const arrayType = (table: string, column: string): string => {
  const type = columnTypes(table)[column]
  if (!type) throw new Error(`no column ${column} in ${table}`)
  return `${type.startsWith('character varying') ? 'text' : type}[]`
}

/** The table's full name in SQL: statements never count on a search_path. */
export const tableName = (schema: string, table: string): string => {
  const [owner, own] = table.split('.')
  return own === undefined
    ? `${quoteName(schema)}.${quoteName(table)}`
    : `${quoteName(owner ?? '')}.${quoteName(own)}`
}
