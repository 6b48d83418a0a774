/**
 * A PostgreSQL server of our own, from an npm package, on a free loopback port. Owns the server's life: it is started on
 * existing data, ends when we end (also by kill -9: a guard process stops it), and one left over by a crash is stopped
 * before the next start. Commits are durable (fsync and synchronous_commit stay on unless a test asks otherwise). Knows
 * nothing of tables.
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve as resolvePath } from 'node:path'
import { EXIT, SetupError } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'
import type { Account } from './account.ts'
import { chooseAccount } from './account.ts'
import {
  CLUSTER_USER,
  clusterPath,
  ensureCluster,
  findBinaries,
  isFresh,
  lastLines,
  lockFolder,
} from './cluster.ts'
import { guard, spawnServer, stopLeftover, stopServer, untilReady } from './server-process.ts'

export type EmbeddedOptions = {
  /** Created when absent; holds the cluster, its password and the server's log. */
  readonly dataDir: string
  /** A free loopback port by default. A port that is given and taken is an error, never a silent move. */
  readonly port?: number
  readonly logger: Logger
  /** PostgreSQL settings that override ours, e.g. `{ fsync: 'off' }` in tests. */
  readonly settings?: Readonly<Record<string, string>>
  /** The server ended without being asked to. */
  readonly onDeath?: (detail: string) => void
}

export type EmbeddedPostgres = {
  readonly url: string
  readonly port: number
  /** Process id of the server. */
  readonly pid: number
  /** Disconnects clients, checkpoints and ends the server. Idempotent. */
  stop(): Promise<void>
}

/** For a laptop of two cores: little memory, few checkpoints, no replication. */
const SETTINGS: Readonly<Record<string, string>> = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '50',
  shared_buffers: '128MB',
  effective_cache_size: '1GB',
  work_mem: '8MB',
  maintenance_work_mem: '64MB',
  wal_level: 'minimal',
  max_wal_senders: '0',
  wal_buffers: '16MB',
  min_wal_size: '128MB',
  max_wal_size: '1GB',
  checkpoint_timeout: '10min',
  random_page_cost: '1.1',
  io_method: 'sync',
  jit: 'off',
  log_checkpoints: 'off',
  log_min_messages: 'log', // above error: what statements do wrong, their sender is told
}

/** Errors: SetupError (folder in use, not writable, full, foreign, of another version; port taken; server does not start). */
export const startEmbeddedPostgres = async (options: EmbeddedOptions): Promise<EmbeddedPostgres> => {
  const folder = resolvePath(options.dataDir)
  const binaries = await findBinaries()
  const lock = lockFolder(folder)
  try {
    const account = chooseAccount({ folder, cluster: clusterPath(folder), program: binaries.postgres })
    if (isFresh(folder)) options.logger.info({ folder }, 'creating a PostgreSQL cluster; this happens once')
    const password = await ensureCluster(folder, binaries, account)
    await stopLeftover(clusterPath(folder), options.logger)
    const server = await onFreePort(options.port, (port) =>
      launch({ ...options, folder, port, account, password, program: binaries.postgres }),
    )
    return { ...server, stop: once(() => server.stop().finally(() => lock.release())) }
  } catch (error) {
    lock.release()
    throw error
  }
}

/** Somebody else may take a free port before the server does: then another one is tried, unless the port was asked for. */
const onFreePort = async <T>(
  wanted: number | undefined,
  attempt: (port: number) => Promise<T>,
): Promise<T> => {
  if (wanted !== undefined) return attempt(wanted)
  for (let left = 5; ; left--) {
    try {
      return await attempt(await freePort())
    } catch (error) {
      if (left === 0 || !(error instanceof SetupError) || !/ is taken$/.test(error.message)) throw error
    }
  }
}

type Launch = EmbeddedOptions & {
  readonly folder: string
  readonly port: number
  readonly account: Account
  readonly password: string
  readonly program: string
}

const launch = async (options: Launch): Promise<EmbeddedPostgres> => {
  const { folder, port, account, password } = options
  const child = spawnServer(commandOf(options), account, join(folder, 'server.log'))
  const release = guard(child)
  let stopping = false
  const stop = () => {
    stopping = true
    return stopServer(child)
  }
  child.once('close', (code, signal) => {
    release()
    if (!stopping) options.onDeath?.(`PostgreSQL ended by itself (${signal ?? `code ${code}`})`)
  })
  const url = `postgresql://${CLUSTER_USER}:${password}@127.0.0.1:${port}/${CLUSTER_USER}`
  try {
    await untilReady(child, url)
    return { url, port, pid: child.pid ?? -1, stop }
  } catch (cause) {
    await stop()
    throw startError(options, cause)
  }
}

const commandOf = ({ program, folder, port, settings }: Launch): string[] => {
  const all = Object.entries({ ...SETTINGS, ...settings, port: String(port) })
  return [program, '-D', clusterPath(folder), ...all.flatMap(([name, value]) => ['-c', `${name}=${value}`])]
}

const startError = ({ folder, port }: Launch, cause: unknown): SetupError => {
  const logFile = join(folder, 'server.log')
  const log = readFileSync(logFile, 'utf8')
  if (/could not bind/.test(log)) {
    return new SetupError(`port ${port} of 127.0.0.1 is taken`, {
      remedy: 'choose another port, or none',
      exitCode: EXIT.cannotCreate,
      cause,
    })
  }
  const full = /No space left on device/.test(log)
  return new SetupError(
    `the embedded PostgreSQL in ${folder} does not start: ${lastLines(log) || 'it says nothing'}`,
    {
      remedy: full ? 'free some disk space' : `read ${logFile}; a folder that is damaged may be moved away`,
      exitCode: full ? EXIT.cannotCreate : EXIT.badData,
      cause,
    },
  )
}

/** A port of 127.0.0.1 that was free a moment ago. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0))
    })
  })

const once = (stop: () => Promise<void>): (() => Promise<void>) => {
  let stopped: Promise<void> | undefined
  return () => (stopped ??= stop())
}
