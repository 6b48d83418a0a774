import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { test } from 'node:test'
import pg from 'pg'
import { temporaryFolder } from '../../test/harness/servers.ts'
import { SetupError } from '../lib/errors.ts'
import { silentLogger } from '../lib/logger.ts'
import { startEmbeddedPostgres } from './embedded.ts'

const folderFor = (t: TestContext): string => {
  const folder = temporaryFolder('embedded')
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

const start = (dataDir: string, more: { port?: number } = {}) =>
  startEmbeddedPostgres({ dataDir, logger: silentLogger, ...more })

const ask = async (url: string, sql: string): Promise<unknown> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<{ value: unknown }>(sql)).rows[0]?.value
  } finally {
    await client.end()
  }
}

const isAlive = (pid: number): boolean => {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
  } catch {
    return false
  }
}

const refuses = async (attempt: Promise<unknown>, exitCode: number, pattern: RegExp): Promise<void> => {
  await assert.rejects(attempt, (error) => {
    assert.ok(error instanceof SetupError, String(error))
    assert.match(error.message, pattern)
    assert.equal(error.exitCode, exitCode)
    return true
  })
}

test('data outlive a stop, commits are durable, and the password is for the owner only', async (t) => {
  const folder = folderFor(t)
  const first = await start(folder)
  await ask(first.url, 'CREATE TABLE t AS SELECT 42 AS value')
  assert.equal(
    await ask(first.url, "SELECT current_setting('fsync') || current_setting('synchronous_commit') AS value"),
    'onon',
  )
  assert.equal(await ask(first.url, "SELECT current_setting('server_encoding') AS value"), 'UTF8')
  await Promise.all([first.stop(), first.stop()])
  assert.equal(statSync(join(folder, 'password')).mode & 0o777, 0o600)
  const second = await start(folder)
  assert.equal(await ask(second.url, 'SELECT value FROM t'), 42)
  await second.stop()
  assert.equal(isAlive(second.pid), false)
})

/** Runs a process that starts the server in `folder`, prints its pid and url and then does as told. */
const startElsewhere = async (folder: string, then: string) => {
  const script = `
    import { startEmbeddedPostgres } from ${JSON.stringify(join(import.meta.dirname, 'embedded.ts'))}
    import { silentLogger } from ${JSON.stringify(join(import.meta.dirname, '../lib/logger.ts'))}
    const server = await startEmbeddedPostgres({ dataDir: ${JSON.stringify(folder)}, logger: silentLogger })
    console.log(server.pid, server.url)
    ${then}`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const line = await new Promise<string>((resolve) =>
    child.stdout.once('data', (data: Buffer) => resolve(data.toString())),
  )
  const [pid = '', url = ''] = line.trim().split(' ')
  return { pid: Number(pid), url, kill: () => child.kill('SIGKILL'), ended }
}

test('a process that ends takes its server along, and the next start finds everything in order', async (t) => {
  const folder = folderFor(t)
  const first = await startElsewhere(folder, '')
  await first.ended
  const second = await start(folder)
  assert.equal(isAlive(first.pid), false)
  await second.stop()
})

test('after kill -9 of its owner a new start works at once on the same data', async (t) => {
  const folder = folderFor(t)
  const first = await startElsewhere(folder, 'setInterval(() => {}, 1000)')
  await ask(first.url, 'CREATE TABLE t AS SELECT 7 AS value')
  await refuses(start(folder), 73, /in use by another process/)
  first.kill()
  await first.ended
  const second = await start(folder)
  assert.equal(await ask(second.url, 'SELECT value FROM t'), 7)
  assert.equal(isAlive(first.pid), false)
  await second.stop()
})

test('after kill -9 of the server itself, or with its number given to somebody else, a start recovers', async (t) => {
  const folder = folderFor(t)
  const deaths: string[] = []
  const first = await startEmbeddedPostgres({
    dataDir: folder,
    logger: silentLogger,
    onDeath: (text) => deaths.push(text),
  })
  await ask(first.url, 'CREATE TABLE t AS SELECT 7 AS value')
  process.kill(first.pid, 'SIGKILL')
  await t.waitFor(() => assert.match(deaths[0] ?? '', /SIGKILL/), { timeout: 20_000 })
  await first.stop()
  const pidFile = join(folder, 'cluster/postmaster.pid')
  const lines = readFileSync(pidFile, 'utf8').split('\n')
  writeFileSync(pidFile, [String(process.pid), ...lines.slice(1)].join('\n'))
  const second = await start(folder)
  assert.equal(await ask(second.url, 'SELECT value FROM t'), 7)
  await second.stop()
})

test('a folder that is foreign, of another version, or without its password is refused with a remedy', async (t) => {
  const folder = folderFor(t)
  mkdirSync(join(folder, 'cluster'))
  await refuses(start(folder), 65, /holds no PostgreSQL data/)
  writeFileSync(join(folder, 'cluster/PG_VERSION'), '12\n')
  await refuses(start(folder), 65, /written by PostgreSQL 12, this millrace brings 18/)
  writeFileSync(join(folder, 'cluster/PG_VERSION'), '18\n')
  await refuses(start(folder), 65, /password is missing/)
})

test('a folder that cannot be made, or a taken port, is refused with a remedy', async (t) => {
  const folder = folderFor(t)
  writeFileSync(join(folder, 'file'), '')
  await refuses(start(join(folder, 'file/data')), 73, /cannot be written/)
  const squatter = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => squatter.once('listening', resolve))
  t.after(() => squatter.close())
  const address = squatter.address()
  assert.ok(typeof address === 'object' && address)
  await refuses(start(join(folder, 'data'), { port: address.port }), 73, /port \d+ of 127\.0\.0\.1 is taken/)
  squatter.close()
  const server = await start(join(folder, 'data'))
  await server.stop()
})

test('a damaged cluster is an error that shows what PostgreSQL says', async (t) => {
  const folder = folderFor(t)
  await (await start(folder)).stop()
  rmSync(join(folder, 'cluster/global/pg_control'))
  await refuses(start(folder), 65, /does not start: .*pg_control/)
})

test('a start that was interrupted during initdb leaves nothing in the way of the next', async (t) => {
  const folder = folderFor(t)
  mkdirSync(join(folder, 'cluster.new/base'), { recursive: true })
  writeFileSync(join(folder, 'password'), 'half\n')
  const server = await start(folder)
  assert.equal(await ask(server.url, 'SELECT 1 AS value'), 1)
  await server.stop()
})
