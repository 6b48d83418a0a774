/**
 * Opens the two stores a command works on: the one its URL names, or the embedded one in the data folder. Whatever is opened
 * is put on the stack, so that it closes in reverse order however the command ends.
 */
import { join } from 'node:path'
import { openPool, type Pool } from '../db/pool.ts'
import { startEmbeddedPostgres } from '../db/embedded.ts'
import type { Logger } from '../lib/logger.ts'
import { openEmbeddedLog } from '../stream/embedded/index.ts'
import type { Log } from '../stream/log.ts'
import { openRedisLog } from '../stream/redis/index.ts'
import type { Settings } from './config/settings.ts'

type Opening = { readonly settings: Settings; readonly logger: Logger; readonly stack: AsyncDisposableStack }

const DEFAULT_DATA = './millrace-data'

export const openLog = async ({ settings, logger, stack }: Opening): Promise<Log> => {
  const { redisUrl, redisWaitMs } = settings
  if (redisUrl !== null) {
    return stack.use(await openRedisLog({ url: redisUrl, logger, startTimeoutMs: redisWaitMs }))
  }
  const dataDir = join(settings.data ?? DEFAULT_DATA, 'streams')
  const log = stack.use(await openEmbeddedLog({ dataDir }))
  if (log.recovered) logger.info({ path: log.path }, 'the streams were left by an unclean stop; recovered')
  return log
}

/** `onDeath`: the embedded server ended by itself, so nothing can be written any more. */
export const openDatabase = async (
  { settings, logger, stack }: Opening,
  onDeath?: (detail: string) => void,
): Promise<Pool> => {
  const url = settings.databaseUrl ?? (await openEmbedded({ settings, logger, stack }, onDeath))
  const pool = await openPool({
    url,
    max: settings.databasePoolSize,
    schema: settings.databaseSchema,
    connectTimeoutMs: settings.databaseWaitMs,
    logger,
  })
  stack.defer(() => pool.close())
  return pool
}

const openEmbedded = async (
  { settings, logger, stack }: Opening,
  onDeath?: (detail: string) => void,
): Promise<string> => {
  const server = await startEmbeddedPostgres({
    dataDir: join(settings.data ?? DEFAULT_DATA, 'postgres'),
    ...(settings.databasePort > 0 && { port: settings.databasePort }),
    logger,
    ...(onDeath && { onDeath }),
  })
  stack.defer(() => server.stop())
  return server.url
}
