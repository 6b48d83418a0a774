/**
 * Real servers for tests, each on a free loopback port with its data in a folder of its own. Guarantees that server and
 * folder vanish when the process that started them ends, however it ends, and that a started server keeps no process alive.
 */
import type { ChildProcess } from 'node:child_process'
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort, startEmbeddedPostgres } from '../../src/db/embedded.ts'
import { sleep } from '../../src/lib/backoff.ts'
import { createLogger } from '../../src/lib/logger.ts'
import { findProgram } from './binaries.ts'

export type Server = { readonly url: string; stop(): Promise<void> }

export type RedisOptions = {
  /** More of redis-server's command line, e.g. `['--maxmemory-policy', 'allkeys-lru']`, `['--appendonly', 'yes']`. */
  readonly args?: readonly string[]
  /** Where its data lives; a folder that is given is kept (start again on it after a kill), otherwise a temporary one. */
  readonly dir?: string
  readonly port?: number
  /** Another server than the installed one, with what it takes to start it. */
  readonly command?: readonly string[]
}

export type RedisServer = Server & {
  readonly port: number
  readonly pid: number
  /** Ends the server the hard way and waits for its end. */
  kill(): Promise<void>
}

const START_TIMEOUT_MS = 20_000

export const startRedis = async (options: RedisOptions = {}): Promise<RedisServer> => {
  const installed = findProgram('redis-server')
  const [program, ...before] = options.command ?? (installed === null ? [] : [installed])
  if (program === undefined) throw new Error('redis-server is not on this machine')
  const dir = options.dir ?? temporaryFolder('redis')
  const port = options.port ?? (await freePort())
  const fixed = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    dir,
    '--logfile',
    join(dir, 'redis.log'),
  ]
  const args = [...before, ...fixed, '--save', '', ...(options.args ?? [])]
  const child = spawn(program, args, { detached: true, stdio: 'ignore' })
  const exited = new Promise<void>((resolve) => child.once('close', () => resolve()))
  child.on('error', () => {})
  child.unref()
  const release = endWithUs(child.pid, options.dir === undefined ? dir : null)
  const end = async (signal: NodeJS.Signals) => {
    if (child.exitCode === null && child.signalCode === null) {
      child.ref()
      child.kill(signal)
      await exited
    }
    release()
    if (options.dir === undefined) rmSync(dir, { recursive: true, force: true })
  }
  await untilAnswers(port, child, join(dir, 'redis.log'))
  const url = `redis://127.0.0.1:${port}`
  return { url, port, pid: child.pid ?? -1, stop: () => end('SIGTERM'), kill: () => end('SIGKILL') }
}

const untilAnswers = async (port: number, child: ChildProcess, log: string): Promise<void> => {
  const deadline = Date.now() + START_TIMEOUT_MS
  while (!(await pings(port))) {
    if (child.exitCode !== null)
      throw new Error(`redis-server ended during its start: ${readFileSync(log, 'utf8')}`)
    if (Date.now() > deadline) throw new Error('redis-server does not answer')
    await sleep(20)
  }
}

/** Any answer will do: a server that asks for a password (-NOAUTH) is up as well. Loading (-LOADING) is not. */
const pings = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    socket.setTimeout(1_000, () => socket.destroy())
    socket.once('data', (data) => {
      resolve(!data.toString().startsWith('-LOADING'))
      socket.destroy()
    })
    socket.on('error', () => {})
    socket.once('close', () => resolve(false))
  })

/** Durability off: what tests prove about commits does not need a disk, and they run twice as fast. */
const TEST_SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  max_connections: '200',
  shared_buffers: '64MB',
}

export const startPostgres = async (): Promise<Server> => {
  const dir = temporaryFolder('postgres')
  const logger = createLogger({ level: 'warn', format: 'pretty' })
  const server = await startEmbeddedPostgres({ dataDir: dir, logger, settings: TEST_SETTINGS })
  const release = endWithUs(server.pid, dir)
  const stop = async () => {
    await server.stop()
    release()
    rmSync(dir, { recursive: true, force: true })
  }
  return { url: server.url, stop }
}

export const temporaryFolder = (name: string): string => mkdtempSync(join(tmpdir(), `millrace-test-${name}-`))

/** A shell whose input is ours: at our end it reads end-of-file, ends the server and removes its folder. */
export const endWithUs = (pid: number | undefined, folder: string | null): (() => void) => {
  const script =
    'cat >/dev/null; kill -QUIT "$1"; for _ in $(seq 50); do kill -0 "$1" || break; sleep 0.1; done; [ -z "$2" ] || rm -rf "$2"'
  const watcher = spawn('sh', ['-c', script, 'sh', String(pid), folder ?? ''], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watcher.unref()
  ;(watcher.stdin as unknown as { unref?(): void }).unref?.()
  return () => watcher.kill('SIGKILL')
}
