/**
 * What `millrace migrate` makes of a database that the data-plane's own migrations created and its own indexer filled: nothing of
 * it may change. Resolves with what did, in words.
 */
import { isDeepStrictEqual } from 'node:util'
import { migrate, verify } from '../src/db/migrate.ts'
import type { Pool } from '../src/db/pool.ts'
import { quoteName, readCatalog } from '../src/db/schema/catalog.ts'

/** Of every table how many rows there are, and one hash over all of them. */
const readRows = async (pool: Pool, tables: readonly string[]): Promise<Readonly<Record<string, string>>> => {
  const rows: Record<string, string> = {}
  for (const table of tables) {
    const text = `select count(*) || ' ' || coalesce(md5(string_agg(md5(t::text), '' order by md5(t::text))), '') as all
      from ${quoteName(pool.schema)}.${quoteName(table)} t`
    rows[table] = (await pool.query<{ all: string }>({ text })).rows[0]?.all ?? ''
  }
  return rows
}

export const takeOver = async (pool: Pool): Promise<readonly string[]> => {
  const catalog = await readCatalog(pool, pool.schema)
  const tables = Object.keys(catalog.tables)
  const rows = await readRows(pool, tables)
  const { created } = await migrate(pool)
  const after = await readRows(pool, tables)
  return [
    ...(created ? ['migrate made tables'] : []),
    ...(isDeepStrictEqual(await readCatalog(pool, pool.schema), catalog)
      ? []
      : ['the tables have another shape']),
    ...tables.filter((table) => after[table] !== rows[table]).map((table) => `other rows in ${table}`),
    ...(await verify(pool)),
  ]
}
