/** The rows that entries came to, apart from the way they came: out into files, and in again as fast as PostgreSQL takes them. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Pool } from '../src/db/pool.ts'
import { APPVIEW, appviewSql, NETWORK_TABLES } from '../src/db/schema/appview.ts'

/** Rows of these are changed by what others write: elsewhere they are other rows. */
const CHANGED = new Set(['actor', 'actor_sync', 'post_agg', 'profile_agg'])

/** By value, so without what PostgreSQL makes itself. */
const columnsOf = (table: string): string =>
  (APPVIEW.tables[table]?.columns ?? [])
    .filter(({ generated, name }) => generated === undefined && !(table === 'notification' && name === 'id'))
    .map(({ name }) => `"${name}"`)
    .join(', ')

/** For as long as `work` takes: a folder that holds a file of each table's rows, by its name. */
export const withRowsOf = async <T>(pool: Pool, work: (folder: string) => Promise<T>): Promise<T> => {
  const folder = mkdtempSync(join(tmpdir(), 'millrace-rows-'))
  try {
    chmodSync(folder, 0o777)
    for (const table of NETWORK_TABLES) {
      await pool.query({ text: `copy bsky."${table}" (${columnsOf(table)}) to '${join(folder, table)}'` })
    }
    return await work(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A second set of tables, empty. */
export const createTables = async (pool: Pool, schema: string): Promise<void> => {
  await pool.query({ text: `create schema ${schema}` })
  await pool.query({ text: appviewSql(schema, 'public').join(';\n') })
}

/** Seconds that COPY takes, in one transaction. */
export const copyIn = async (pool: Pool, schema: string, folder: string): Promise<number> => {
  const start = performance.now()
  await pool.transaction(async (tx) => {
    for (const table of NETWORK_TABLES) {
      await tx.query({
        text: `copy ${schema}."${table}" (${columnsOf(table)}) from '${join(folder, table)}'`,
      })
    }
  })
  return (performance.now() - start) / 1_000
}

/**
 * Seconds that plain inserts of the rows of which nobody else writes any take, a statement per table, in one transaction that begins
 * after a checkpoint: from tables of no log, so that only what is written counts.
 */
export const insertRaw = async (pool: Pool, schema: string, folder: string): Promise<number> => {
  await pool.query({ text: 'checkpoint' })
  let seconds = NaN
  await pool.transaction(async (tx) => {
    const tables = NETWORK_TABLES.filter((table) => !CHANGED.has(table))
    for (const table of tables) {
      const columns = columnsOf(table)
      await tx.query({
        text: `create temp table "raw_${table}" on commit drop as select ${columns} from ${schema}."${table}" limit 0`,
      })
      await tx.query({ text: `copy "raw_${table}" (${columns}) from '${join(folder, table)}'` })
    }
    const start = performance.now()
    for (const table of tables) {
      const columns = columnsOf(table)
      await tx.query({
        text: `insert into ${schema}."${table}" (${columns}) select ${columns} from "raw_${table}" on conflict do nothing`,
      })
    }
    seconds = (performance.now() - start) / 1_000
  })
  return seconds
}
