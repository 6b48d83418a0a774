/**
 * A PostgreSQL server of our own, from an npm package, on a free loopback port. Owns the server's life: it is started on
 * existing data, ends when we end (also by kill -9: a guard process stops it), and one left over by a crash is stopped
 * before the next start. Commits are durable (synchronous_commit and fsync stay on unless a test asks otherwise). Knows
 * nothing of tables.
 */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { join, resolve as resolvePath } from 'node:path'
import pg from 'pg'
import { sleep } from '../lib/backoff.ts'
import { EXIT, SetupError } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'
import type { Account } from './account.ts'
import { chooseAccount, spawnIdentity } from './account.ts'
import {
  CLUSTER_USER,
  clusterPath,
  ensureCluster,
  findBinaries,
  isFresh,
  lastLines,
  lockFolder,
  SERVER_ENV,
} from './cluster.ts'

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
  log_min_messages: 'warning',
  log_min_error_statement: 'panic',
}

const START_TIMEOUT_MS = 120_000
const STOP_TIMEOUT_MS = 30_000

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
    const port = options.port ?? (await freePort())
    const server = await launch({ ...options, folder, port, account, password, program: binaries.postgres })
    return { ...server, stop: once(() => server.stop().finally(() => lock.release())) }
  } catch (error) {
    lock.release()
    throw error
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
  const child = spawnServer(options)
  const pid = child.pid ?? -1
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const release = guard(child)
  const state = { stopping: false }
  const stop = async () => {
    state.stopping = true
    await stopServer(child, exited)
    release()
  }
  child.once('close', (code, signal) => {
    release()
    if (!state.stopping) options.onDeath?.(`PostgreSQL ended by itself (${signal ?? `code ${code}`})`)
  })
  const url = `postgresql://${CLUSTER_USER}:${options.password}@127.0.0.1:${options.port}/${CLUSTER_USER}`
  try {
    await untilReady(child, url)
    return { url, port: options.port, pid, stop }
  } catch (cause) {
    await stop()
    throw startError(options, cause)
  }
}

/** Detached: a Ctrl-C in our terminal must not reach the server before we have drained into it. */
const spawnServer = (options: Launch): ChildProcess => {
  const settings = Object.entries({ ...SETTINGS, ...options.settings, port: String(options.port) })
  const flags = settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const command = [...options.account.prefix, options.program, '-D', clusterPath(options.folder), ...flags]
  const log = openSync(join(options.folder, 'server.log'), 'w', 0o644)
  try {
    const child = spawn(command[0] ?? '', command.slice(1), {
      ...spawnIdentity(options.account),
      detached: true,
      env: SERVER_ENV,
      stdio: ['ignore', log, log],
    })
    child.unref()
    child.on('error', () => {}) // `close` follows and tells
    return child
  } finally {
    closeSync(log)
  }
}

/** A shell whose input is ours: it reads end-of-file when we die in whatever way, and then stops the server. */
const guard = (child: ChildProcess): (() => void) => {
  if (process.platform === 'win32') return guardAtExit(child)
  const script = 'cat >/dev/null; kill -INT "$1" 2>/dev/null'
  const watcher = spawn('sh', ['-c', script, 'sh', String(child.pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watcher.unref()
  ;(watcher.stdin as unknown as { unref?(): void }).unref?.()
  watcher.on('error', () => {})
  return () => watcher.kill('SIGKILL')
}

const guardAtExit = (child: ChildProcess): (() => void) => {
  const end = () => child.kill()
  process.once('exit', end)
  return () => process.removeListener('exit', end)
}

/** Waits until the server answers and our database is there; fails when it ends instead. */
const untilReady = async (child: ChildProcess, url: string): Promise<void> => {
  const deadline = Date.now() + START_TIMEOUT_MS
  for (;;) {
    if (child.exitCode !== null || child.signalCode !== null)
      throw new Error('the server ended during its start')
    const failure = await tryConnect(url.replace(/[^/]+$/, 'postgres'))
    if (failure === null) return
    if (Date.now() > deadline) throw new Error('the server does not answer', { cause: failure })
    await sleep(50)
  }
}

const tryConnect = async (url: string): Promise<unknown> => {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [CLUSTER_USER])
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${CLUSTER_USER}`)
    return null
  } catch (error) {
    if ((error as { code?: string }).code === '28P01') throw error // wrong password: waiting does not help
    return error
  } finally {
    await client.end().catch(() => {})
  }
}

const startError = (options: Launch, cause: unknown): SetupError => {
  const log = readFileSync(join(options.folder, 'server.log'), 'utf8')
  const said = lastLines(log)
  if (/could not bind/.test(log)) {
    return new SetupError(`port ${options.port} of 127.0.0.1 is taken`, {
      remedy: 'choose another port, or none',
      exitCode: EXIT.cannotCreate,
      cause,
    })
  }
  const full = /No space left on device/.test(log)
  return new SetupError(`the embedded PostgreSQL in ${options.folder} does not start${said && `: ${said}`}`, {
    remedy: full
      ? 'free some disk space'
      : `read ${join(options.folder, 'server.log')}; a damaged folder may be moved away`,
    exitCode: full ? EXIT.cannotCreate : EXIT.badData,
    cause,
  })
}

const stopServer = async (child: ChildProcess, exited: Promise<void>): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  child.ref()
  child.kill('SIGINT') // "fast": ends sessions, checkpoints
  const timer = setTimeout(() => child.kill('SIGQUIT'), STOP_TIMEOUT_MS)
  await exited
  clearTimeout(timer)
}

/**
 * Stops a server that an earlier process of ours left on this cluster (we hold the folder's lock, so its owner is gone),
 * and removes a pid file whose number now belongs to somebody else, over which PostgreSQL would refuse to start.
 */
const stopLeftover = async (cluster: string, logger: Logger): Promise<void> => {
  const file = join(cluster, 'postmaster.pid')
  const pid = readPid(file)
  if (pid === null) return
  if (!servesCluster(pid, cluster)) return rmSync(file, { force: true })
  logger.warn({ pid }, 'stopping a PostgreSQL server left over by an earlier process')
  const deadline = Date.now() + STOP_TIMEOUT_MS
  for (let signal: NodeJS.Signals = 'SIGINT'; servesCluster(pid, cluster); await sleep(50)) {
    if (Date.now() > deadline) signal = 'SIGQUIT'
    process.kill(pid, signal)
  }
}

const readPid = (file: string): number | null => {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10) || null
  } catch {
    return null
  }
}

const servesCluster = (pid: number, cluster: string): boolean => {
  try {
    process.kill(pid, 0)
    return process.platform !== 'linux' || readlinkSync(`/proc/${pid}/cwd`) === realpathSync(cluster)
  } catch {
    return false // gone, or alive but of another account: PostgreSQL itself decides
  }
}

/** A port of 127.0.0.1 that was free a moment ago. */
const freePort = (): Promise<number> =>
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
