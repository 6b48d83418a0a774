/** `millrace recount`: compares aggregates with their rows, mends them where asked, leaves what it found for the indexers to export. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { clusterPath } from '../../db/cluster.ts'
import { verify } from '../../db/migrate.ts'
import type { Pool } from '../../db/pool.ts'
import { sqlState } from '../../db/sql-error.ts'
import { foundByColumn, recount as recountAggregates, type Recount } from '../../indexer/recount.ts'
import { keepResult } from '../../indexer/recount-result.ts'
import { EXIT, SetupError, TransientError, type ExitCode } from '../../lib/errors.ts'
import type { Context, Run } from '../context.ts'
import { embeddedUrl } from '../doctor/postgres/facts.ts'
import { drawRecount, type RecountReport } from '../recount/draw.ts'
import { createProgress } from '../recount/progress.ts'
import { openDatabase } from '../stores.ts'

type Opening = Pick<Context, 'settings' | 'logger'> & { readonly stack: AsyncDisposableStack }

/** That of a running `up` while one runs; what its process left behind when it died answers to nobody. */
const open = async ({ settings, logger, stack }: Opening): Promise<Pool> => {
  if (settings.databaseUrl !== null) return openDatabase({ settings, logger, stack })
  const running = await embeddedUrl(settings.data)
  if (running !== null) {
    const asked = openDatabase({ settings: { ...settings, databaseUrl: running }, logger, stack })
    const pool = await asked.catch((error: unknown) => {
      if (error instanceof SetupError) return null
      throw error
    })
    if (pool !== null) return pool
  }
  const data = settings.data ?? '.'
  if (existsSync(clusterPath(join(data, 'postgres')))) return openDatabase({ settings, logger, stack })
  throw new SetupError(`there is no database in ${data}`, {
    remedy: 'name yours by --database-url, or the folder of an `up` by --data',
    exitCode: EXIT.usage,
  })
}

const refuseUnready = async (pool: Pool): Promise<void> => {
  const differences = await verify(pool)
  if (differences.length === 0) return
  throw new SetupError(`the database is not ready: ${differences.slice(0, 3).join('; ')}`, {
    remedy: 'run `millrace migrate` on it, or name the schema of the AppView by --database-schema',
    exitCode: EXIT.badData,
  })
}

const inWords = (cause: unknown): never => {
  const [message, remedy, exitCode] = adviceFor(cause)
  throw new SetupError(message, { remedy, exitCode, cause })
}

const GRANTS =
  'grant it SELECT on the tables of the AppView, and for --repair INSERT and UPDATE on post_agg and profile_agg'

/** What is wrong, what to do, the exit code. Errors: the cause, when it is ours. */
const adviceFor = (cause: unknown): readonly [string, string, ExitCode] => {
  const state = sqlState(cause)
  if (state === '42501') return ['the database user may not do what this needs', GRANTS, EXIT.badData]
  if (state === '25006')
    return ['this PostgreSQL only reads', 'name the primary by --database-url', EXIT.unavailable]
  if (!(cause instanceof TransientError)) throw cause
  return [
    state === '57014' ? 'a range of keys took too long to count' : 'PostgreSQL stayed away',
    'try again (repeating is safe), with a smaller --range-rows if the server is slow',
    EXIT.unavailable,
  ]
}

const reportOf = (counted: Recount, repair: boolean): RecountReport => {
  const found = counted.columns.reduce((sum, column) => sum + column.found, 0)
  const repaired = counted.columns.reduce((sum, column) => sum + column.repaired, 0)
  return { ...counted, repair, found, left: found - repaired }
}

/** Only what went through to its end says something of the whole database. */
const leaveForIndexers = async (pool: Pool, counted: Recount, tell: Context['tell']): Promise<void> => {
  if (!counted.complete) return
  const isKept = await keepResult(pool, { timeSeconds: Date.now() / 1_000, found: foundByColumn(counted) })
  if (!isKept)
    tell(
      'The database user may not write millrace.meta: the indexers go on exporting what an earlier recount found.',
    )
}

export const recount: Run = async ({ settings, logger, signal, answer, tell }) => {
  await using stack = new AsyncDisposableStack()
  const pool = await open({ settings, logger, stack })
  await refuseUnready(pool)
  const { repair, rangeRows } = settings
  const progress = createProgress(process.stderr)
  const counted = await recountAggregates(pool, { repair, rangeRows, signal, onRange: progress.update })
    .finally(progress.end)
    .catch(inWords)
  await leaveForIndexers(pool, counted, tell)
  const report = reportOf(counted, repair)
  answer(settings.json ? JSON.stringify(report, null, 2) : drawRecount(report))
  return report.complete && report.left === 0 ? EXIT.ok : EXIT.negative
}
