/**
 * The process of an embedded PostgreSQL. Owns starting it, waiting for it, ending it, and ending it when *we* end, by
 * whatever means. Knows command lines and signals; what the folder holds is cluster.ts, what a failure means embedded.ts.
 */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, readlinkSync, realpathSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { sleep } from '../lib/backoff.ts'
import type { Logger } from '../lib/logger.ts'
import type { Account } from './account.ts'
import { spawnIdentity } from './account.ts'
import { SERVER_ENV } from './cluster.ts'

const START_TIMEOUT_MS = 120_000
const STOP_TIMEOUT_MS = 30_000

/** Detached: a Ctrl-C in our terminal must not reach the server before we have drained into it. */
export const spawnServer = (command: readonly string[], account: Account, logFile: string): ChildProcess => {
  const log = openSync(logFile, 'w', 0o644)
  try {
    const [program = '', ...args] = [...account.prefix, ...command]
    const child = spawn(program, args, {
      ...spawnIdentity(account),
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
export const guard = (child: ChildProcess): (() => void) => {
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

export const hasEnded = (child: ChildProcess): boolean =>
  child.pid === undefined || child.exitCode !== null || child.signalCode !== null

/** Waits until the server answers and the database named by `url` is there; rejects when the server ends instead. */
export const untilReady = async (child: ChildProcess, url: string): Promise<void> => {
  const deadline = Date.now() + START_TIMEOUT_MS
  for (;;) {
    if (hasEnded(child)) throw new Error('the server ended during its start')
    const failure = await tryConnect(url)
    if (failure === null) return
    if (Date.now() > deadline) throw new Error('the server does not answer', { cause: failure })
    await sleep(50)
  }
}

const tryConnect = async (url: string): Promise<unknown> => {
  const name = url.slice(url.lastIndexOf('/') + 1)
  const client = new pg.Client({
    connectionString: `${url.slice(0, -name.length)}postgres`,
    connectionTimeoutMillis: 5_000,
  })
  client.on('error', () => {})
  try {
    await client.connect()
    const found = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [name])
    if (found.rowCount === 0) await client.query(`CREATE DATABASE ${name}`)
    return null
  } catch (error) {
    if ((error as { code?: string }).code === WRONG_PASSWORD) throw error // waiting does not help
    return error
  } finally {
    await client.end().catch(() => {})
  }
}

const WRONG_PASSWORD = '28P01'

/** "Fast": ends sessions and checkpoints; one that hangs is ended without a checkpoint, which recovery makes good. */
export const stopServer = async (child: ChildProcess): Promise<void> => {
  if (hasEnded(child)) return
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  child.ref()
  child.kill('SIGINT')
  const timer = setTimeout(() => child.kill('SIGQUIT'), STOP_TIMEOUT_MS)
  await ended
  clearTimeout(timer)
}

/**
 * Stops a server that an earlier process of ours left on this cluster (we hold the folder's lock, so its owner is gone),
 * and removes a pid file whose number now belongs to somebody else, over which PostgreSQL would refuse to start.
 */
export const stopLeftover = async (cluster: string, logger: Logger): Promise<void> => {
  const file = join(cluster, 'postmaster.pid')
  const pid = readPid(file)
  if (pid === null) return
  if (!servesCluster(pid, cluster)) return rmSync(file, { force: true })
  logger.info({ pid }, 'waiting for the end of a PostgreSQL server left by an earlier process')
  const deadline = Date.now() + STOP_TIMEOUT_MS
  signal(pid, 'SIGINT')
  for (let forced = false; servesCluster(pid, cluster); await sleep(50)) {
    if (forced || Date.now() < deadline) continue
    forced = true
    signal(pid, 'SIGQUIT')
  }
}

const signal = (pid: number, name: NodeJS.Signals | 0): boolean => {
  try {
    return process.kill(pid, name)
  } catch {
    return false // gone, or of another account: then PostgreSQL itself decides
  }
}

const readPid = (file: string): number | null => {
  try {
    return Number.parseInt(readFileSync(file, 'utf8'), 10) || null
  } catch {
    return null
  }
}

/** A server's working directory is its cluster; a zombie has none. */
const servesCluster = (pid: number, cluster: string): boolean => {
  if (!signal(pid, 0)) return false
  if (process.platform !== 'linux') return true
  try {
    return readlinkSync(`/proc/${pid}/cwd`) === realpathSync(cluster)
  } catch {
    return false
  }
}
