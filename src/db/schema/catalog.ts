/**
 * What a schema holds, as data: read from PostgreSQL's own catalog, in one shape for what is declared (appview.json) and what
 * is there. Owns the reading; compares and creates nothing. The schema's own name reads `{schema}` in every expression.
 */
import type { Queryable } from '../pool.ts'

export type Column = {
  readonly name: string
  /** As PostgreSQL prints it: `character varying`, `jsonb`, `bigint`. */
  readonly type: string
  readonly nullable: boolean
  readonly default?: string
  /** Expression of a stored generated column: never written by us. */
  readonly generated?: string
}

export type Table = {
  readonly columns: readonly Column[]
  /** Name to definition: `PRIMARY KEY (uri)`, `UNIQUE (…)`, `FOREIGN KEY …`. */
  readonly constraints: Readonly<Record<string, string>>
  /** Name to definition, without those that back a constraint: `btree (cts)`, `unique btree (…)`. */
  readonly indexes: Readonly<Record<string, string>>
}

export type Catalog = {
  readonly tables: Readonly<Record<string, Table>>
  /** Name to type: a sequence of `integer` ends at 2,147,483,647. */
  readonly sequences: Readonly<Record<string, string>>
}

/** PostgreSQL identifiers in SQL text. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`

const COLUMNS = `
  SELECT c.relname AS "table", a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
         NOT a.attnotnull AS nullable, a.attgenerated <> '' AS generated, pg_get_expr(d.adbin, d.adrelid) AS expression
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND c.relkind IN ('r', 'p')
  ORDER BY c.relname, a.attnum`

const CONSTRAINTS = `
  SELECT c.relname AS "table", k.conname AS name, pg_get_constraintdef(k.oid) AS definition
  FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
  WHERE k.connamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND k.contype IN ('p', 'u', 'f')
  ORDER BY 1, 2`

const INDEXES = `
  SELECT c.relname AS "table", i.relname AS name,
         CASE WHEN x.indisunique THEN 'unique ' ELSE '' END
           || substring(pg_get_indexdef(x.indexrelid) FROM ' USING (.*)$') AS definition
  FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
  WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND c.relkind IN ('r', 'p') AND x.indisvalid
    AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = x.indexrelid AND k.contype IN ('p', 'u'))
  ORDER BY 1, 2`

const SEQUENCES = `
  SELECT c.relname AS name, format_type(s.seqtypid, NULL) AS definition
  FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid
  WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1)
  ORDER BY 1`

type ColumnRow = {
  table: string
  name: string
  type: string
  nullable: boolean
  generated: boolean
  expression: string | null
}
type DefinitionRow = { table: string; name: string; definition: string }

export const readCatalog = async (db: Queryable, schema: string): Promise<Catalog> => {
  const ask = async <R>(text: string) => (await db.query<R>({ text, values: [schema] })).rows
  const columns = await ask<ColumnRow>(COLUMNS)
  const constraints = await ask<DefinitionRow>(CONSTRAINTS)
  const indexes = await ask<DefinitionRow>(INDEXES)
  const sequences = await ask<DefinitionRow>(SEQUENCES)
  const neutral = neutralize(schema)
  const names = [...new Set(columns.map(({ table }) => table))]
  const tables = names.map((table): [string, Table] => [
    table,
    {
      columns: columns.filter((row) => row.table === table).map((row) => toColumn(row, neutral)),
      constraints: toRecord(constraints, table, neutral),
      indexes: toRecord(indexes, table, neutral),
    },
  ])
  const types = sequences.map(({ name, definition }) => [name, definition])
  return {
    tables: Object.fromEntries(tables),
    sequences: Object.fromEntries(types) as Record<string, string>,
  }
}

/** PostgreSQL prints a schema quoted only where it must. */
const neutralize = (schema: string): ((text: string) => string) => {
  const printed = /^[a-z_]+$/.test(schema) ? schema : quoteName(schema)
  return (text) => text.replaceAll(`${printed}.`, '{schema}.')
}

const toColumn = (row: ColumnRow, neutral: (text: string) => string): Column => {
  const { name, type, nullable, generated, expression } = row
  if (expression === null) return { name, type, nullable }
  return { name, type, nullable, [generated ? 'generated' : 'default']: neutral(expression) }
}

const toRecord = (rows: readonly DefinitionRow[], table: string, neutral: (text: string) => string) =>
  Object.fromEntries(
    rows.filter((row) => row.table === table).map((row) => [row.name, neutral(row.definition)]),
  )
