/**
 * The declared schema of the AppView's database (appview.json) and the SQL that builds it. The declaration is the catalog of
 * a database migrated by the reference's own tool at the version it names, read by catalog.ts: the test compares both ways.
 */
import declared from './appview.json' with { type: 'json' }
import type { Catalog, Column, Table } from './catalog.ts'
import { quoteName } from './catalog.ts'

const { source, migrations, networkTables, sequences } = declared

/** Which release of the reference the declaration stands for. */
export const APPVIEW_SOURCE: string = source
/** Names of the reference's migrations whose sum the declaration is: its tool continues after them. */
export const APPVIEW_MIGRATIONS: readonly string[] = migrations
export const APPVIEW: Catalog = { tables: declared.tables, sequences }
/** The tables that are filled from the network, hence by us; the AppView's private ones are not ours to judge. */
export const NETWORK_TABLES: readonly string[] = networkTables

/** Statements that build everything in an existing, empty schema; `trigram` names the schema of extension pg_trgm. */
export const appviewSql = (schema: string, trigram: string): string[] => {
  const tables = Object.entries(APPVIEW.tables)
  const place = (sql: string): string => sql.replaceAll('{schema}', quoteName(schema))
  return [
    ...Object.entries(sequences).map(
      ([name, type]) => `CREATE SEQUENCE {schema}.${quoteName(name)} AS ${type}`,
    ),
    ...tables.map(([name, table]) => createTable(name, table)),
    ...tables.flatMap(([name, table]) => alterForeignKeys(name, table)),
    ...tables.flatMap(([name, table]) => createIndexes(name, table, trigram)),
    ...tables.flatMap(([name, table]) => ownSequences(name, table)),
    WHATS_HOT_VIEW,
    ...seedRows(),
  ].map(place)
}

const isForeignKey = (definition: string): boolean => definition.startsWith('FOREIGN KEY')

const createTable = (name: string, table: Table): string => {
  const constraints = Object.entries(table.constraints)
    .filter(([, definition]) => !isForeignKey(definition))
    .map(([constraint, definition]) => `CONSTRAINT ${quoteName(constraint)} ${definition}`)
  const lines = [...table.columns.map(columnSql), ...constraints]
  return `CREATE TABLE {schema}.${quoteName(name)} (\n  ${lines.join(',\n  ')}\n)`
}

const columnSql = (column: Column): string =>
  [
    `${quoteName(column.name)} ${column.type}`,
    column.default && `DEFAULT ${column.default}`,
    column.generated && `GENERATED ALWAYS AS (${column.generated}) STORED`,
    !column.nullable && 'NOT NULL',
  ]
    .filter(Boolean)
    .join(' ')

/** After all tables: they point at one another. */
const alterForeignKeys = (name: string, table: Table): string[] =>
  Object.entries(table.constraints)
    .filter(([, definition]) => isForeignKey(definition))
    .map(
      ([key, definition]) =>
        `ALTER TABLE {schema}.${quoteName(name)} ADD CONSTRAINT ${quoteName(key)} ${definition}`,
    )

const createIndexes = (name: string, table: Table, trigram: string): string[] =>
  Object.entries(table.indexes).map(([index, definition]) => {
    const [, unique = '', rest = ''] = /^(unique )?(.*)$/.exec(definition) ?? []
    const method = rest.replace('gist_trgm_ops', `${quoteName(trigram)}.gist_trgm_ops`)
    return `CREATE ${unique}INDEX ${quoteName(index)} ON {schema}.${quoteName(name)} USING ${method}`
  })

const ownSequences = (name: string, table: Table): string[] =>
  table.columns
    .map((column) => [column.name, /nextval\('(.*)'::regclass\)/.exec(column.default ?? '')?.[1]])
    .filter(([, sequence]) => sequence)
    .map(
      ([column = '', sequence]) =>
        `ALTER SEQUENCE ${sequence} OWNED BY {schema}.${quoteName(name)}.${quoteName(column)}`,
    )

/** Nothing reads it any more; it is here because a later migration of the reference may want to drop it. */
const WHATS_HOT_VIEW = `
CREATE MATERIALIZED VIEW {schema}.algo_whats_hot_view AS
  WITH param AS (
    SELECT max(value) FILTER (WHERE name = 'whats_hot_interval')::interval AS age,
           max(value) FILTER (WHERE name = 'whats_hot_like_threshold')::integer AS likes
    FROM {schema}.view_param)
  SELECT p.uri, p.cid,
         round(1000000 * a."likeCount"
           / (EXTRACT(epoch FROM age(now(), p."indexedAt"::timestamp)) / 3600 + 2) ^ 1.8) AS score
  FROM {schema}.post p JOIN {schema}.post_agg a ON a.uri = p.uri, param
  WHERE p."replyParent" IS NULL AND a."likeCount" > param.likes
    AND p."indexedAt" > to_char(now() - param.age, 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
  WITH NO DATA;
CREATE UNIQUE INDEX algo_whats_hot_view_uri_idx ON {schema}.algo_whats_hot_view (uri);
CREATE INDEX algo_whats_hot_view_cursor_idx ON {schema}.algo_whats_hot_view (score, cid)`

/** What the reference's migrations insert themselves, and the record that they have run. */
const seedRows = (): string[] => {
  const names = APPVIEW_MIGRATIONS.map(
    (name) => `('${name}', to_char(now(), 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'))`,
  )
  return [
    `INSERT INTO {schema}.view_param VALUES ('whats_hot_interval', '1day'), ('whats_hot_like_threshold', '2')`,
    `INSERT INTO {schema}.kysely_migration VALUES ${names.join(', ')}`,
    `INSERT INTO {schema}.kysely_migration_lock VALUES ('migration_lock', 0)`,
  ]
}
