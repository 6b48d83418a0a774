/**
 * Entries appended per second: each store through the log's contract, beside its raw ceiling measured in the same run (a bare XADD
 * pipeline; bare inserts with the same durability). Entries of 1 KB. Run: node bench/append.ts
 */
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import Table from 'cli-table3'
import { openEmbeddedLog } from '../src/stream/embedded/index.ts'
import type { Log } from '../src/stream/log.ts'
import { openRedisLog } from '../src/stream/redis/index.ts'
import { freshRedis } from '../test/harness/services.ts'

const SLICE_MS = 400
const TURNS = 3
const payload = 'x'.repeat(1_000)

type Append = (batch: number, n: number) => Promise<void>
type Case = { readonly name: string; readonly append: Append }

const measure = async ({ append }: Case, batch: number): Promise<number> => {
  const start = performance.now()
  let done = 0
  while (performance.now() - start < SLICE_MS) {
    await append(batch, done)
    done += batch
  }
  return done / ((performance.now() - start) / 1_000)
}

/** In turns, the best of each: what else the machine does then weighs on both alike. */
const compare = async (ours: Case, raw: Case, batch: number): Promise<readonly [number, number]> => {
  let best: readonly [number, number] = [0, 0]
  for (let turn = 0; turn < TURNS; turn++) {
    const [mine, ceiling] = [await measure(ours, batch), await measure(raw, batch)]
    best = [Math.max(best[0], mine), Math.max(best[1], ceiling)]
  }
  return best
}

const throughLog = (log: Log): Append => {
  const entry = { event: payload }
  return (batch, n) =>
    log.append('bench', Array(batch).fill(entry), { name: 'bench:cursor:x', value: String(n) })
}

const rawSqlite = (dir: string): Append => {
  const db = new DatabaseSync(join(dir, 'raw.db'))
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA locking_mode = EXCLUSIVE')
  db.exec('CREATE TABLE entry (key INTEGER PRIMARY KEY, value TEXT)')
  const insert = db.prepare('INSERT INTO entry (value) VALUES (?)')
  return async (batch) => {
    db.exec('BEGIN')
    for (let i = 0; i < batch; i++) insert.run(payload)
    db.exec('COMMIT')
  }
}

/** Bytes that were encoded before, and replies that are only counted: what a server takes from one connection. */
const rawRedis = async (port: number): Promise<Append & AsyncDisposable> => {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  const parts = ['XADD', 'raw', '*', 'event', payload]
  const command = Buffer.from(`*5\r\n${parts.map((part) => `$${part.length}\r\n${part}\r\n`).join('')}`)
  let linesLeft = 0
  let whenDone = () => {}
  socket.on('data', (bytes) => {
    for (const byte of bytes) if (byte === 10) linesLeft--
    if (linesLeft === 0) whenDone()
  })
  // An id is answered in two lines: its length and itself.
  const append: Append = (batch) => {
    linesLeft = 2 * batch
    socket.write(Buffer.concat(Array(batch).fill(command)))
    return new Promise((resolve) => (whenDone = resolve))
  }
  return Object.assign(append, { [Symbol.asyncDispose]: async () => void socket.destroy() })
}

const dir = mkdtempSync(join(tmpdir(), 'millrace-bench-'))
try {
  await using server = await freshRedis({ args: ['--appendonly', 'yes'] })
  await using embedded = await openEmbeddedLog({ dataDir: dir })
  await using redis = await openRedisLog({ url: server.url })
  await using bareRedis = await rawRedis(server.port)
  const pairs: readonly (readonly [Case, Case])[] = [
    [
      { name: 'embedded log', append: throughLog(embedded) },
      { name: 'raw sqlite inserts', append: rawSqlite(dir) },
    ],
    [
      { name: 'redis log', append: throughLog(redis) },
      { name: 'raw XADD pipeline', append: bareRedis },
    ],
  ]
  const head = ['store', 'entries per append', 'entries/s', 'raw ceiling/s', 'of the ceiling']
  const table = new Table({ head, style: { head: [], border: [], compact: true } })
  for (const [ours, raw] of pairs) {
    for (const batch of [1, 50, 500]) {
      const [mine, ceiling] = await compare(ours, raw, batch)
      const share = `${Math.round((100 * mine) / ceiling)} % of ${raw.name}`
      table.push([ours.name, batch, Math.round(mine), Math.round(ceiling), share])
    }
  }
  console.log(table.toString())
} finally {
  rmSync(dir, { recursive: true, force: true })
}
