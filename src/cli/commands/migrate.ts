/** `millrace migrate`: creates what is missing, says what it did. */
import { migrate as migrateSchema, type MigrateResult } from '../../db/migrate.ts'
import { describeTarget } from '../../db/pool.ts'
import { EXIT } from '../../lib/errors.ts'
import type { Run } from '../context.ts'
import { openDatabase } from '../stores.ts'

const inWords = ({ created, applied }: MigrateResult, schema: string): string => {
  if (!created && applied.length === 0) return 'nothing to do: everything is there'
  const appview = created ? [`created the tables of schema ${schema}`] : []
  const own = applied.length > 0 ? [`applied migrations ${applied.join(', ')} of schema millrace`] : []
  return [...appview, ...own].join(', and ')
}

export const migrate: Run = async ({ settings, logger, answer }) => {
  await using stack = new AsyncDisposableStack()
  const pool = await openDatabase({ settings, logger, stack })
  const result = await migrateSchema(pool)
  const where = settings.databaseUrl === null ? '' : `${describeTarget(settings.databaseUrl)} `
  answer(settings.json ? JSON.stringify(result) : `${where}${inWords(result, pool.schema)}`)
  return EXIT.ok
}
