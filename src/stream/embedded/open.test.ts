import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { EXIT, SetupError, TransientError } from '../../lib/errors.ts'
import { type EmbeddedLog, openEmbeddedLog } from './index.ts'
import { temporaryFolder } from '../../../test/contract/temporary-folder.ts'

const refusal = async (dataDir: string): Promise<SetupError> => {
  const outcome: unknown = await openEmbeddedLog({ dataDir }).then(
    async (log) => log[Symbol.asyncDispose](),
    (error: unknown) => error,
  )
  assert.ok(outcome instanceof SetupError, `opened, or failed otherwise: ${String(outcome)}`)
  return outcome
}

const filled = async (dataDir: string, entries = 500): Promise<void> => {
  await using log = await openEmbeddedLog({ dataDir })
  await log.append('s', Array(entries).fill({ event: 'x'.repeat(1_000) }))
}

test('a second user of the folder is refused, in this process and in another, and told which folder', async () => {
  using folder = temporaryFolder()
  await using log = await openEmbeddedLog({ dataDir: folder.path })
  const error = await refusal(folder.path)
  assert.equal(error.exitCode, EXIT.cannotCreate)
  assert.ok(error.message.includes(folder.path))
  const script = `
    const { openEmbeddedLog } = await import(${JSON.stringify(new URL('./index.ts', import.meta.url).href)})
    await openEmbeddedLog({ dataDir: ${JSON.stringify(folder.path)} }).catch((error) => process.exit(error.exitCode))`
  const other = spawnSync(process.execPath, ['--input-type=module', '-e', script])
  assert.equal(other.status, EXIT.cannotCreate)
  await log.append('s', [{ event: 'still mine' }])
})

test('tells a clean stop from an unclean one', async () => {
  using folder = temporaryFolder()
  const states: boolean[] = []
  for (let i = 0; i < 2; i++) {
    await using log = await openEmbeddedLog({ dataDir: folder.path })
    states.push(log.recovered)
  }
  assert.deepEqual(states, [false, false])
})

test('a file that is no database is refused and left as it is', async () => {
  using folder = temporaryFolder()
  const content = 'this is not a database, and it is longer than a header of one hundred bytes. '.repeat(20)
  writeFileSync(join(folder.path, 'log.db'), content)
  const error = await refusal(folder.path)
  assert.equal(error.exitCode, EXIT.badData)
  assert.match(error.remedy, /move/)
  assert.equal(readFileSync(join(folder.path, 'log.db'), 'utf8'), content)
})

test('a database of somebody else is refused and left as it is', async () => {
  using folder = temporaryFolder()
  const foreign = new DatabaseSync(join(folder.path, 'log.db'))
  foreign.exec('CREATE TABLE theirs (a)')
  foreign.close()
  const before = readFileSync(join(folder.path, 'log.db'))
  assert.equal((await refusal(folder.path)).exitCode, EXIT.badData)
  assert.deepEqual(readFileSync(join(folder.path, 'log.db')), before)
})

test('a file of a newer format is refused', async () => {
  using folder = temporaryFolder()
  await filled(folder.path, 1)
  const db = new DatabaseSync(join(folder.path, 'log.db'))
  db.exec('PRAGMA user_version = 99')
  db.close()
  assert.match((await refusal(folder.path)).message, /format 99/)
})

test('a damaged file is refused with what to do, at the start or when the damage is met', async () => {
  for (const offset of [0, 4096 * 2, 4096 * 40]) {
    using folder = temporaryFolder()
    await filled(folder.path)
    const path = join(folder.path, 'log.db')
    const bytes = readFileSync(path)
    bytes.fill(0xa5, offset, offset + 4096 * 3)
    writeFileSync(path, bytes)
    const error = await openEmbeddedLog({ dataDir: folder.path }).then(useAll, (error: unknown) => error)
    assert.ok(error instanceof SetupError, String(error))
    assert.equal(error.exitCode, EXIT.badData)
  }
})

const useAll = async (log: EmbeddedLog): Promise<unknown> => {
  const outcome = await log.range('s', { maxEntries: 10_000 }).catch((error: unknown) => error)
  await Promise.allSettled([log[Symbol.asyncDispose]()])
  return outcome
}

test(
  'a folder that cannot be made or written is refused',
  { skip: process.platform === 'win32' },
  async () => {
    using folder = temporaryFolder()
    writeFileSync(join(folder.path, 'file'), '')
    assert.equal((await refusal(join(folder.path, 'file', 'below'))).exitCode, EXIT.cannotCreate)
    if (process.getuid?.() === 0) return
    mkdirSync(join(folder.path, 'sealed'))
    chmodSync(join(folder.path, 'sealed'), 0o500)
    assert.equal((await refusal(join(folder.path, 'sealed'))).exitCode, EXIT.cannotCreate)
  },
)

test('on a full disk an append fails whole and says so, and goes on when there is room again', async () => {
  using folder = temporaryFolder()
  await using log = await openEmbeddedLog({ dataDir: folder.path, maxBytes: 2_000_000 })
  const reader = { stream: 's', group: 'g', consumer: 'c' }
  await log.ensureGroup('s', 'g')
  let failure: unknown
  let appended = 0
  while (failure === undefined) {
    const save = { name: 'cursor', value: String(appended + 10) }
    await log.append('s', Array(10).fill({ event: 'x'.repeat(2_000) }), save).then(
      () => (appended += 10),
      (error: unknown) => (failure = error),
    )
  }
  assert.ok(failure instanceof TransientError)
  assert.match(failure.message, /full/)
  assert.equal(await log.checkpoint('cursor'), String(appended))
  assert.equal((await log.streamStats('s')).length, appended)
  const entries = await log.read(reader, { maxEntries: 100, blockMs: 0 })
  await log.ack(
    's',
    'g',
    entries.map((entry) => entry.id),
  )
  await log.append('s', Array(10).fill({ event: 'x'.repeat(2_000) }))
  assert.equal((await log.streamStats('s')).length, appended - 90)
})

test('the failure of one append is not the failure of those it shared a commit with', async () => {
  using folder = temporaryFolder()
  await using log = await openEmbeddedLog({ dataDir: folder.path, maxBytes: 2_000_000 })
  const outcomes = await Promise.allSettled([
    log.append('s', [{ event: 'small' }]),
    log.append('s', [{ event: 'x'.repeat(4_000_000) }]),
    log.append('s', [{ event: 'small too' }]),
  ])
  assert.deepEqual(
    outcomes.map((outcome) => outcome.status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.equal((await log.streamStats('s')).length, 2)
})

test('after twenty times the volume the file is a small multiple of what is live', async () => {
  using folder = temporaryFolder()
  await using log = await openEmbeddedLog({ dataDir: folder.path })
  const reader = { stream: 's', group: 'g', consumer: 'c' }
  await log.ensureGroup('s', 'g')
  const liveBytes = 2_000 * 1_000
  let written = 0
  await log.append('s', Array(2_000).fill({ event: 'x'.repeat(1_000) }))
  while (written < 20 * liveBytes) {
    await log.append('s', Array(500).fill({ event: 'x'.repeat(1_000) }))
    written += 500_000
    const entries = await log.read(reader, { maxEntries: 500, blockMs: 0 })
    await log.ack(
      's',
      'g',
      entries.map((entry) => entry.id),
    )
  }
  assert.equal((await log.streamStats('s')).length, 2_000)
  assert.ok(statSync(log.path).size < 3 * liveBytes, `${statSync(log.path).size} bytes for ${liveBytes}`)
})

test('gives the space of a drained backlog back to the disk', async () => {
  using folder = temporaryFolder()
  await using log = await openEmbeddedLog({ dataDir: folder.path })
  const reader = { stream: 's', group: 'g', consumer: 'c' }
  await log.ensureGroup('s', 'g')
  for (let i = 0; i < 40; i++) await log.append('s', Array(100).fill({ event: 'x'.repeat(20_000) }))
  const full = log.fileBytes()
  for (;;) {
    const entries = await log.read(reader, { maxEntries: 1_000, blockMs: 0 })
    if (entries.length === 0) break
    await log.ack(
      's',
      'g',
      entries.map((entry) => entry.id),
    )
  }
  for (let i = 0; i < 50; i++) await log.trim('s')
  await log[Symbol.asyncDispose]()
  assert.ok(full > 80_000_000)
  assert.ok(statSync(log.path).size < full / 3, `${statSync(log.path).size} of ${full}`)
})

test('refuses work once it is closed, after finishing what it had accepted', async () => {
  using folder = temporaryFolder()
  const log = await openEmbeddedLog({ dataDir: folder.path })
  const accepted = log.append('s', [{ event: 'last' }])
  const waiting = log.read({ stream: 'other', group: 'g', consumer: 'c' }, { maxEntries: 1, blockMs: 60_000 })
  await log[Symbol.asyncDispose]()
  await accepted
  assert.deepEqual(await waiting, [])
  await assert.rejects(log.append('s', [{ event: 'late' }]), /closed/)
  await using again = await openEmbeddedLog({ dataDir: folder.path })
  assert.equal((await again.streamStats('s')).length, 1)
})
