/**
 * Opens the log on Redis. Guarantees that the server answered, may be written to, and is not allowed to evict what is
 * entrusted to it; later outages are met with reconnection for ever and a TransientError for each command meanwhile.
 */
import { sleep } from '../../lib/backoff.ts'
import { EXIT, SetupError } from '../../lib/errors.ts'
import { type Logger, silentLogger } from '../../lib/logger.ts'
import type { Log } from '../log.ts'
import { checkServer } from './boot-checks.ts'
import { ClusterNodes } from './cluster.ts'
import { reason, replyCode, translateError } from './errors.ts'
import type { Link } from './link.ts'
import { OneServer } from './one-server.ts'
import { RedisLog } from './redis-log.ts'
import type { Topology, TopologyOptions } from './topology.ts'
import { parseRedisUrl } from './url.ts'

export type RedisLogOptions = {
  /** The forms are listed in `url.ts`. */
  readonly url: string
  readonly logger?: Logger
  /** How long to wait for a first connection. */
  readonly startTimeoutMs?: number
  /** A command without an answer after this time fails, and its connection is replaced. */
  readonly commandTimeoutMs?: number
  readonly connectTimeoutMs?: number
  /** Nothing will be entrusted to it: a server that may evict is then no reason to refuse. False when absent. */
  readonly isOnlyLookedAt?: boolean
  /** Called whenever an established connection is lost. */
  readonly onLost?: (reason: string) => void
}

/** Errors: SetupError (usage, unavailable, unsafeConfig). */
export const openRedisLog = async (options: RedisLogOptions): Promise<Log> => {
  const { logger = silentLogger, startTimeoutMs = 10_000 } = options
  const target = parseRedisUrl(options.url)
  const topologyOptions: TopologyOptions = {
    target,
    logger,
    commandTimeoutMs: options.commandTimeoutMs ?? 15_000,
    connectTimeoutMs: options.connectTimeoutMs ?? 5_000,
    ...(options.onLost !== undefined && { onLost: options.onLost }),
  }
  const topology: Topology =
    target.kind === 'cluster' ? new ClusterNodes(topologyOptions) : new OneServer(topologyOptions)
  try {
    await connect(topology, startTimeoutMs)
    for (const master of await topology.masters()) {
      await untilLoaded(master, logger)
      if (options.isOnlyLookedAt !== true) await checkServer((command) => master.send(command), logger)
    }
    return new RedisLog(topology, logger)
  } catch (error) {
    await topology.close()
    throw error instanceof SetupError ? error : unavailable(error)
  }
}

const connect = async (topology: Topology, timeoutMs: number): Promise<void> => {
  const deadline = performance.now() + timeoutMs
  while (!(await topology.ready(Math.min(250, timeoutMs)))) {
    // Waiting does not make a wrong password right.
    if (topology.lastError instanceof SetupError) throw topology.lastError
    if (performance.now() >= deadline) throw unavailable(topology.lastError)
  }
}

/** A server that has just started reads its data first, which can take minutes; it says so. */
const untilLoaded = async (master: Link, logger: Logger): Promise<void> => {
  for (;;) {
    try {
      await master.send(['PING'])
      return
    } catch (error) {
      if (replyCode(error) !== 'LOADING') throw translateError(error)
      logger.info('Redis is loading its data')
      await sleep(1_000)
    }
  }
}

const unavailable = (cause: unknown): SetupError =>
  new SetupError(`Redis cannot be reached (${reason(cause)}).`, {
    remedy: 'Start Redis, or correct the address (REDIS_URL, --redis-url); rediss:// is for TLS only.',
    exitCode: EXIT.unavailable,
    cause,
  })
