import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdirSync, statSync, truncateSync, writeFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { temporaryFolder } from '../../../test/contract/temporary-folder.ts'
import { type EmbeddedLog, openEmbeddedLog } from './index.ts'

const CHILD = new URL('../../../test/contract/crash-child.ts', import.meta.url).pathname

/** Runs the victim until it has acknowledged `appends` appends, kills it, and tells the last number it was sure of. */
const runAndKill = async (dataDir: string, appends: number): Promise<number> => {
  const child = spawn(process.execPath, [CHILD, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] })
  let last = 0
  let seen = 0
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.startsWith('open')) continue
    last = Math.max(last, Number(line))
    if (++seen === appends) child.kill('SIGKILL')
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'close')
  assert.equal(child.signalCode, 'SIGKILL')
  return last
}

/** Every number up to the checkpoint is there, in whole appends. Returns the checkpoint. */
const checkWhole = async (log: EmbeddedLog): Promise<number> => {
  const saved = Number((await log.checkpoint('cursor')) ?? 0)
  const numbers = new Set<number>()
  let length = 0
  for (let afterId: string | undefined; ;) {
    const page = await log.range('kept', { maxEntries: 500, ...(afterId !== undefined && { afterId }) })
    for (const entry of page) numbers.add(Number(entry.fields?.['event']))
    length += page.length
    afterId = page.at(-1)?.id
    if (page.length < 500) break
  }
  for (let n = 1; n <= saved; n++) assert.ok(numbers.has(n), `the checkpoint ${saved} leads entry ${n}`)
  assert.equal((await log.streamStats('kept')).length, length)
  const churned = await log.groupStats('churned', 'g')
  const stored = (await log.range('churned', { maxEntries: 10_000 })).length
  assert.equal((churned.lag ?? 0) + churned.pending, stored)
  return saved
}

test('keeps every acknowledged append over kill -9, whenever it strikes, again and again', async () => {
  using folder = temporaryFolder()
  for (let round = 0; round < 5; round++) {
    const sure = await runAndKill(folder.path, 5 + Math.floor(Math.random() * 60))
    await using log = await openEmbeddedLog({ dataDir: folder.path })
    assert.equal(log.recovered, true)
    assert.ok((await checkWhole(log)) >= sure)
  }
})

test('a write-ahead log torn at any byte, or with a broken tail, loses at most the tail: no checkpoint leads', async () => {
  using folder = temporaryFolder()
  const victim = join(folder.path, 'victim')
  mkdirSync(victim)
  await runAndKill(victim, 150)
  const walBytes = statSync(join(victim, 'log.db-wal')).size
  assert.ok(walBytes > 0)
  for (let round = 0; round < 25; round++) {
    const dataDir = join(folder.path, `torn-${round}`)
    mkdirSync(dataDir)
    copyFileSync(join(victim, 'log.db'), join(dataDir, 'log.db'))
    copyFileSync(join(victim, 'log.db-wal'), join(dataDir, 'log.db-wal'))
    const at = Math.floor(Math.random() * walBytes)
    if (round % 2 === 0) truncateSync(join(dataDir, 'log.db-wal'), at)
    else breakTail(join(dataDir, 'log.db-wal'), at)
    await using log = await openEmbeddedLog({ dataDir })
    await checkWhole(log)
    await log.append('kept', [{ event: 'x' }])
  }
})

const breakTail = (path: string, at: number): void => {
  const bytes = readFileSync(path)
  for (let i = at; i < bytes.length; i++) bytes[i] = (bytes[i] ?? 0) ^ 0x5a
  writeFileSync(path, bytes)
}
