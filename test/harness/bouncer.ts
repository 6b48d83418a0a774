/**
 * A real PgBouncer in transaction mode before one database. Owns its configuration and its account (it refuses to run as
 * root); guarantees that it ends with the process that started it.
 */
import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { chooseAccount, spawnIdentity } from '../../src/db/account.ts'
import { freePort } from '../../src/db/embedded.ts'
import { sleep } from '../../src/lib/backoff.ts'
import { findProgram } from './binaries.ts'
import { endWithUs, temporaryFolder } from './servers.ts'

export type Bouncer = AsyncDisposable & { readonly url: string }

export type BouncerOptions = {
  /** The database behind it. */
  readonly url: string
  /** Connections to PostgreSQL that all its clients share. */
  readonly poolSize: number
  /** Only for one that `keepsStatements`; 0 keeps none. */
  readonly maxPreparedStatements?: number
}

const START_TIMEOUT_MS = 20_000

const program = (): string => {
  const path = findProgram('pgbouncer')
  if (path === null) throw new Error('pgbouncer is not on this machine')
  return path
}

/** Whether the installed one can keep named statements in transaction mode: 1.21 or newer. */
export const keepsStatements = (): boolean => {
  const told = spawnSync(program(), ['--version'], { encoding: 'utf8' }).stdout
  const [, major = '0', minor = '0'] = /(\d+)\.(\d+)/.exec(told) ?? []
  return Number(major) > 1 || Number(minor) >= 21
}

export const startBouncer = async (options: BouncerOptions): Promise<Bouncer> => {
  const dir = temporaryFolder('bouncer')
  chmodSync(dir, 0o755)
  const port = await freePort()
  const file = join(dir, 'pgbouncer.ini')
  writeFileSync(file, configuration(options, port), { mode: 0o644 })
  const account = chooseAccount({ folder: dir, cluster: join(dir, 'none'), program: program() })
  const [command = '', ...args] = [...account.prefix, program(), '-q', file]
  const child = spawn(command, args, { ...spawnIdentity(account), detached: true, stdio: 'ignore' })
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()))
  child.on('error', () => {})
  child.unref()
  const release = endWithUs(child.pid, dir)
  const deadline = Date.now() + START_TIMEOUT_MS
  while (!(await accepts(port))) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error('pgbouncer does not start')
    await sleep(20)
  }
  const url = new URL(options.url)
  url.host = `127.0.0.1:${port}`
  return {
    url: url.href,
    [Symbol.asyncDispose]: async () => {
      child.ref()
      child.kill('SIGKILL')
      await exited
      release()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

const configuration = ({ url, poolSize, maxPreparedStatements }: BouncerOptions, port: number): string => {
  const { hostname, port: behind, username, password, pathname } = new URL(url)
  const database = pathname.slice(1)
  const target = {
    host: hostname,
    port: behind || '5432',
    dbname: database,
    user: decodeURIComponent(username),
  }
  const words = Object.entries({ ...target, ...(password && { password: decodeURIComponent(password) }) })
  return [
    '[databases]',
    `${database} = ${words.map(([key, value]) => `${key}='${value}'`).join(' ')}`,
    '[pgbouncer]',
    'listen_addr = 127.0.0.1',
    `listen_port = ${port}`,
    'unix_socket_dir =',
    'auth_type = any',
    'pool_mode = transaction',
    `default_pool_size = ${poolSize}`,
    // Lends another connection with every transaction, so that what counts on the same one is found out.
    'server_round_robin = 1',
    ...(maxPreparedStatements === undefined ? [] : [`max_prepared_statements = ${maxPreparedStatements}`]),
    '',
  ].join('\n')
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      resolve(true)
      socket.destroy()
    })
    socket.on('error', () => resolve(false))
  })
