/** Does a database hold the tables we write, in the shape our statements count on? Pure: compares two catalogs, in words. */
import { APPVIEW, NETWORK_TABLES } from './appview.ts'
import type { Catalog, Column, Table } from './catalog.ts'

/** Each difference that would make a statement of ours fail or write something wrong; none means usable. */
export const findDifferences = (actual: Catalog, schema: string): string[] =>
  NETWORK_TABLES.flatMap((name) => {
    const declared = APPVIEW.tables[name]
    const found = actual.tables[name]
    if (!declared) return []
    const place = `${schema}.${name}`
    return found ? compareTable(place, declared, found) : [`table ${place} is missing`]
  }).concat(compareSequences(actual, schema))

const compareTable = (place: string, declared: Table, found: Table): string[] => [
  ...declared.columns.flatMap((column) => {
    const other = found.columns.find(({ name }) => name === column.name)
    return other
      ? compareColumn(`${place}."${column.name}"`, column, other)
      : [`column ${place}."${column.name}" is missing`]
  }),
  ...found.columns
    .filter((column) => !declared.columns.some(({ name }) => name === column.name) && isRequired(column))
    .map((column) => `column ${place}."${column.name}" is unknown and demands a value`),
  ...uniqueKeys(declared)
    .filter((key) => !uniqueKeys(found).includes(key))
    .map((key) => `${place} has no unique index on (${key})`),
]

const isRequired = (column: Column): boolean =>
  !column.nullable && column.default === undefined && !column.generated

const compareColumn = (place: string, declared: Column, found: Column): string[] => {
  const differences: string[] = []
  if (baseType(declared) !== baseType(found))
    differences.push(`${place} is ${found.type}, not ${declared.type}`)
  if (declared.nullable && !found.nullable) differences.push(`${place} refuses NULL`)
  if (Boolean(declared.generated) !== Boolean(found.generated)) {
    differences.push(`${place} is ${found.generated ? '' : 'not '}generated`)
  }
  return differences
}

/** Bounded and unbounded text hold the same values of ours; everything else must match. */
const baseType = ({ type }: Column): string =>
  /^(text|character varying(\(\d+\))?)$/.test(type) ? 'text' : type

/** Column lists, sorted, that a whole-table unique index covers: what ON CONFLICT can name. */
const uniqueKeys = (table: Table): string[] =>
  [...Object.values(table.constraints), ...Object.values(table.indexes)].flatMap((definition) => {
    const key = /^(?:PRIMARY KEY|UNIQUE|unique btree) \(([^()]+)\)$/.exec(definition)?.[1]
    return key === undefined ? [] : [key.split(', ').sort().join(', ')]
  })

/** A sequence of a smaller type ends in the middle of production. */
const compareSequences = (actual: Catalog, schema: string): string[] => {
  const type = actual.sequences['notification_id_seq']
  return type === undefined || type === 'bigint'
    ? []
    : [`sequence ${schema}.notification_id_seq is ${type}, not bigint`]
}
