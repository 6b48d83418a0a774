/** `millrace drops`: lists what was dropped as invalid, from the database. Reads only. */
import { openPool, type Pool } from '../../db/pool.ts'
import { sqlState } from '../../db/sql-error.ts'
import { listDropped } from '../../indexer/dropped.ts'
import { EXIT, SetupError } from '../../lib/errors.ts'
import type { Context, Run } from '../context.ts'
import { embeddedUrl } from '../doctor/postgres/facts.ts'
import { drawDrops, type DropReport } from '../drops/draw.ts'

const findDatabase = async ({ databaseUrl, data }: Context['settings']): Promise<string> => {
  const url = databaseUrl ?? (await embeddedUrl(data))
  if (url !== null) return url
  throw new SetupError('no PostgreSQL was named, and no `up` runs in the data folder', {
    remedy: 'give --database-url, or --data of a running `up`',
    exitCode: EXIT.unavailable,
  })
}

const read = async (pool: Pool, { reason, did, limit }: Context['settings']): Promise<DropReport> => {
  try {
    return await listDropped(pool, { reasons: reason, did, limit })
  } catch (cause) {
    if (sqlState(cause) !== UNDEFINED_TABLE) throw cause
    throw new SetupError('the database has no list of drops', {
      remedy: 'run `millrace migrate`, or correct --database-url',
      exitCode: EXIT.badData,
      cause,
    })
  }
}

/** Of a schema that is missing, too. */
const UNDEFINED_TABLE = '42P01'

export const drops: Run = async ({ settings, logger, answer }) => {
  await using stack = new AsyncDisposableStack()
  const url = await findDatabase(settings)
  const pool = await openPool({ url, max: 2, connectTimeoutMs: settings.databaseWaitMs, logger })
  stack.defer(() => pool.close())
  const report = await read(pool, settings)
  answer(settings.json ? JSON.stringify(report, null, 2) : drawDrops(report))
  return EXIT.ok
}
