/**
 * Brings a database to the shape Millrace needs. Guarantees: all or nothing, once, however many processes start together;
 * tables that the reference's own migrations made are verified and left as they are; what is Millrace's own stays in schema
 * `millrace`. Errors: SetupError when the database is another one than we can use.
 */
import { EXIT, SetupError } from '../lib/errors.ts'
import type { Pool, Queryable } from './pool.ts'
import { APPVIEW, APPVIEW_SOURCE, appviewSql } from './schema/appview.ts'
import { quoteName, readCatalog } from './schema/catalog.ts'
import { MIGRATIONS } from './schema/own.ts'
import { findDifferences } from './schema/verify.ts'
import { sqlState } from './sql-error.ts'

/** `created`: the AppView's tables were built now. `applied`: numbers of our own migrations that ran now. */
export type MigrateResult = { readonly created: boolean; readonly applied: readonly number[] }

/** Any number will do, as long as every millrace takes the same one. */
const LOCK_KEY = 7_402_159_331

export const migrate = async (pool: Pool, options: { schema?: string } = {}): Promise<MigrateResult> => {
  const schema = checkName(options.schema ?? pool.schema)
  try {
    return await pool.transaction(async (tx) => {
      await tx.query({ text: 'SELECT pg_advisory_xact_lock($1)', values: [LOCK_KEY] })
      const created = await ensureAppview(tx, schema)
      const applied = await applyOwn(tx)
      await claimSchema(tx, schema)
      return { created, applied }
    })
  } catch (error) {
    if (sqlState(error) !== '42501') throw error
    throw new SetupError('the database user may not create what is missing', {
      remedy: 'run `millrace migrate` once as the owner of the database, or grant CREATE on it',
      exitCode: EXIT.badData,
      cause: error,
    })
  }
}

/** Differences between the database and what our statements count on, in words; empty when it can be used. */
export const verify = async (pool: Pool, options: { schema?: string } = {}): Promise<string[]> =>
  readDifferences(pool, checkName(options.schema ?? pool.schema))

const OWN_TABLES: readonly string[] = [
  'record_rev',
  'account',
  'identity_work',
  'meta',
  'gate_version',
  'past_link',
  'deleted_post',
  'gate_question',
  'verification_version',
  'label_negation',
  'dropped',
]

/** As `verify`, on whatever connection. */
export const readDifferences = async (db: Queryable, schema: string): Promise<string[]> => {
  const differences = findDifferences(await readCatalog(db, schema), schema)
  const own = await readCatalog(db, 'millrace')
  const missing = OWN_TABLES.filter((table) => !own.tables[table])
  return [...differences, ...missing.map((table) => `table millrace.${table} is missing`)]
}

/** The reference accepts no other names either. */
const checkName = (schema: string): string => {
  if (/^[a-z_]+$/i.test(schema) && schema.toLowerCase() !== 'millrace') return schema
  throw new SetupError(`"${schema}" cannot be the schema of the AppView's tables`, {
    remedy: 'use letters and underscores only, and not the name millrace',
    exitCode: EXIT.usage,
  })
}

const ensureAppview = async (tx: Queryable, schema: string): Promise<boolean> => {
  const found = await readCatalog(tx, schema)
  const known = Object.keys(APPVIEW.tables).filter((table) => found.tables[table])
  if (known.length > 0) {
    refuse(schema, findDifferences(found, schema))
    return false
  }
  await ensureSchema(tx, schema)
  const trigram = await ensureTrigram(tx)
  await tx.query({ text: appviewSql(schema, trigram).join(';\n') })
  return true
}

const refuse = (schema: string, differences: readonly string[]): void => {
  if (differences.length === 0) return
  const shown = differences.slice(0, 5).join('; ')
  const more = differences.length > 5 ? `; and ${differences.length - 5} more` : ''
  throw new SetupError(
    `the tables in schema ${schema} have another shape than ${APPVIEW_SOURCE}: ${shown}${more}`,
    {
      remedy:
        'bring them up to date with the reference’s own migrations, or choose an empty database or schema',
      exitCode: EXIT.badData,
    },
  )
}

/** Looked up first: IF NOT EXISTS would ask for the right to create even where nothing is to be created. */
const ensureSchema = async (tx: Queryable, schema: string): Promise<void> => {
  const found = await tx.query({ text: 'SELECT 1 FROM pg_namespace WHERE nspname = $1', values: [schema] })
  if (found.count === 0) await tx.query({ text: `CREATE SCHEMA ${quoteName(schema)}` })
}

const TRIGRAM_SCHEMA = {
  text: "SELECT n.nspname AS schema FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm'",
}

/** Returns the schema in which the extension lives. */
const ensureTrigram = async (tx: Queryable): Promise<string> => {
  const found = await tx.query<{ schema: string }>(TRIGRAM_SCHEMA)
  if (found.rows[0]) return found.rows[0].schema
  try {
    await tx.query({ text: 'CREATE EXTENSION pg_trgm WITH SCHEMA public' })
  } catch (cause) {
    if (sqlState(cause) === '42501') throw cause
    throw new SetupError('the PostgreSQL server lacks the extension pg_trgm', {
      remedy: 'install its contrib package (postgresql-contrib)',
      exitCode: EXIT.badData,
      cause,
    })
  }
  return 'public'
}

const applyOwn = async (tx: Queryable): Promise<number[]> => {
  await ensureSchema(tx, 'millrace')
  const table = await tx.query({ text: "SELECT 1 WHERE to_regclass('millrace.migration') IS NOT NULL" })
  if (table.count === 0) await tx.query({ text: OWN_LEDGER })
  const { rows } = await tx.query<{ number: number }>({ text: 'SELECT number FROM millrace.migration' })
  const done = new Set(rows.map(({ number }) => number))
  refuseNewer(Math.max(0, ...done))
  const pending = MIGRATIONS.filter(({ number }) => !done.has(number))
  for (const { number, name, sql } of pending) {
    await tx.query({ text: sql })
    await tx.query({
      text: 'INSERT INTO millrace.migration (number, name) VALUES ($1, $2)',
      values: [number, name],
    })
  }
  return pending.map(({ number }) => number)
}

const OWN_LEDGER = `CREATE TABLE millrace.migration (
  number integer PRIMARY KEY, name text NOT NULL, "appliedAt" timestamptz NOT NULL DEFAULT now())`

const refuseNewer = (newest: number): void => {
  const known = MIGRATIONS.at(-1)?.number ?? 0
  if (newest <= known) return
  throw new SetupError(
    `the database was migrated by a newer millrace (to ${newest}; this one knows ${known})`,
    {
      remedy: 'run the newer version of millrace',
      exitCode: EXIT.badData,
    },
  )
}

/** The guards describe the rows of one schema: a second one in the same database would take them for its own. */
const claimSchema = async (tx: Queryable, schema: string): Promise<void> => {
  await tx.query({
    text: "INSERT INTO millrace.meta (key, value) VALUES ('schema', $1) ON CONFLICT (key) DO NOTHING",
    values: [schema],
  })
  const { rows } = await tx.query<{ value: string }>({
    text: "SELECT value FROM millrace.meta WHERE key = 'schema'",
  })
  const claimed = rows[0]?.value
  if (claimed === schema) return
  throw new SetupError(`this database already serves the schema ${claimed}, not ${schema}`, {
    remedy: `use schema ${claimed}, or another database`,
    exitCode: EXIT.badData,
  })
}
