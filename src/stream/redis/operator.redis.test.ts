/** What is on the wire, and what operators, rsky's services and restores do to a stream from outside. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import pino from 'pino'
import { idsOf, now, numbered, numbersOf, prepare, uniqueName } from '../../../test/contract/store.ts'
import { rawRedis } from '../../../test/contract/raw-redis.ts'
import { freshRedis, redisUrl } from '../../../test/harness/services.ts'
import { EXIT, SetupError } from '../../lib/errors.ts'
import { createConsumer } from '../consumer.ts'
import type { Log } from '../log.ts'
import { openRedisLog } from './index.ts'

const opened = async () => {
  const url = await redisUrl()
  const log = await openRedisLog({ url })
  const raw = await rawRedis(url)
  return {
    log,
    raw,
    [Symbol.asyncDispose]: async () => {
      await log[Symbol.asyncDispose]()
      await raw[Symbol.asyncDispose]()
    },
  }
}

const lagOf = async (log: Log, stream: string, group: string) => (await log.groupStats(stream, group)).lag

test('writes what rsky reads: ids from the server, fields as they are, cursor as a string, groups from the start', async () => {
  await using at = await opened()
  const { stream, group } = await prepare(at.log)
  await at.log.append(stream, [{ event: '{"a":1}' }, { repo: '{}' }], {
    name: `${stream}:cursor:https://x`,
    value: '42',
  })
  assert.equal(await at.raw.send('GET', `${stream}:cursor:https://x`), '42')
  const entries = (await at.raw.send('XRANGE', stream, '-', '+')) as [string, string[]][]
  assert.deepEqual(
    entries.map(([, fields]) => fields),
    [
      ['event', '{"a":1}'],
      ['repo', '{}'],
    ],
  )
  const read = (await at.raw.send('XREADGROUP', 'GROUP', group, 'rsky', 'STREAMS', stream, '>')) as [
    string,
    unknown[],
  ][]
  assert.equal(read[0]?.[1].length, 2)
})

test('reads what rsky and hands write, and shares its group with them', async () => {
  await using at = await opened()
  const { stream, group, reader } = await prepare(at.log)
  await at.raw.send('XADD', stream, '*', 'event', '{"n":0}')
  await at.raw.send('XADD', stream, '*', 'event', '{"n":1}', 'more', 'x')
  await at.raw.send('XREADGROUP', 'GROUP', group, 'rsky', 'COUNT', '1', 'STREAMS', stream, '>')
  const mine = await at.log.read(reader, now)
  assert.deepEqual(
    mine.map((entry) => ({ ...entry.fields })),
    [{ event: '{"n":1}', more: 'x' }],
  )
  const pending = await at.log.pending(stream, group, { minIdleMs: 0, maxEntries: 9 })
  assert.deepEqual(
    pending.map((row) => row.consumer),
    ['rsky', 'one'],
  )
})

test('an entry deleted while pending is let go, not tried for ever', async () => {
  await using at = await opened()
  const at1 = await prepare(at.log)
  await at.log.append(at1.stream, numbered(0, 3))
  const ids = idsOf(await at.log.read(at1.reader, now))
  await at.raw.send('XDEL', at1.stream, ids[0] ?? '', ids[1] ?? '')
  const consumer = createConsumer({
    log: at.log,
    ...at1.reader,
    batchSize: 10,
    retry: { initialMs: 10, maxMs: 10 },
    maxDeliveries: 3,
    deadLetterStream: `${at1.stream}_dlq`,
  })
  const batch = (await consumer.next(new AbortController().signal)) ?? []
  assert.deepEqual(idsOf(batch), ids.slice(2))
  await consumer.done(idsOf(batch))
  const { pending, lag } = await at.log.groupStats(at1.stream, at1.group)
  assert.deepEqual({ pending, lag }, { pending: 0, lag: 0 })
})

test('a trim from outside past the position of a group does not stop it', async () => {
  await using at = await opened()
  const { stream, group, reader } = await prepare(at.log)
  await at.log.append(stream, numbered(0, 10))
  await at.log.read(reader, { maxEntries: 3, blockMs: 0 })
  const all = await at.log.range(stream, { maxEntries: 99 })
  await at.raw.send('XTRIM', stream, 'MINID', all[6]?.id ?? '')
  assert.equal(await lagOf(at.log, stream, group), 4)
  assert.deepEqual(numbersOf(await at.log.read(reader, now)), [6, 7, 8, 9])
  const lag = await lagOf(at.log, stream, group)
  assert.equal(lag, 0)
  await at.raw.send('DEL', stream)
  await at.log.append(stream, numbered(20, 1))
  assert.deepEqual(numbersOf(await at.log.read(reader, now)), [20])
})

test('a deletion among the undelivered makes the lag exact or unknown, never wrong', async () => {
  await using at = await opened()
  const { stream, group, reader } = await prepare(at.log)
  await at.log.append(stream, numbered(0, 10))
  await at.log.read(reader, { maxEntries: 3, blockMs: 0 })
  const all = await at.log.range(stream, { maxEntries: 99 })
  await at.raw.send('XDEL', stream, all[5]?.id ?? '')
  assert.ok([6, null].includes(await lagOf(at.log, stream, group)))
})

test('a group beyond the end of its stream still delivers, and is not trimmed away before', async () => {
  await using at = await opened()
  const { stream, group, reader } = await prepare(at.log)
  await at.log.append(stream, numbered(0, 3))
  await at.raw.send('XGROUP', 'SETID', stream, group, '99999999999999-0')
  assert.equal(await at.log.trim(stream), 0)
  assert.equal(await lagOf(at.log, stream, group), null)
  assert.deepEqual(numbersOf(await at.log.read(reader, now)), [0, 1, 2])
  assert.equal(await lagOf(at.log, stream, group), 0)
})

test('a group set back to the start gets everything that is still there', async () => {
  await using at = await opened()
  const { stream, group, reader } = await prepare(at.log)
  await at.log.append(stream, numbered(0, 4))
  await at.log.ack(stream, group, idsOf(await at.log.read(reader, { maxEntries: 2, blockMs: 0 })))
  await at.raw.send('XGROUP', 'SETID', stream, group, '0')
  const entries = await at.log.read(reader, now)
  assert.deepEqual(numbersOf(entries), [2, 3])
  assert.equal(await at.log.ack(stream, group, idsOf(entries)), 2)
  assert.equal((await at.log.streamStats(stream)).length, 0)
})

test('a flushed Redis, or a destroyed group, is recovered by reading on, also while waiting', async () => {
  await using server = await freshRedis()
  await using log = await openRedisLog({ url: server.url })
  await using raw = await rawRedis(server.url)
  const { stream, group, reader } = await prepare(log)
  await log.append(stream, numbered(0, 1))
  const ids = idsOf(await log.read(reader, now))
  for (const disaster of [['FLUSHALL'], ['XGROUP', 'DESTROY', stream, group], ['DEL', stream]]) {
    const waiting = log.read(reader, { maxEntries: 9, blockMs: 60_000 })
    await raw.send(...disaster)
    await log.append(stream, numbered(5, 1))
    const entries = await waiting
    assert.equal(numbersOf(entries).at(-1), 5)
    await log.ack(stream, group, idsOf(entries))
  }
  assert.equal(await log.ack(stream, group, ids), 0)
  await raw.send('SCRIPT', 'FLUSH')
  await log.append(stream, numbered(6, 1))
  assert.equal(await log.ack(stream, group, idsOf(await log.read(reader, now))), 1)
})

test('entries that a crash left acknowledged but stored are trimmed', async () => {
  await using at = await opened()
  const { stream, group, reader } = await prepare(at.log)
  await at.log.append(stream, numbered(0, 5))
  const ids = idsOf(await at.log.read(reader, { maxEntries: 4, blockMs: 0 }))
  await at.raw.send('XACK', stream, group, ...ids.slice(0, 3))
  assert.equal(await at.log.trim(stream), 3)
  assert.equal((await at.log.streamStats(stream)).length, 2)
})

test('a key of another type is an error for the operator, and moves no checkpoint', async () => {
  await using at = await opened()
  const stream = uniqueName('text')
  await at.raw.send('SET', stream, 'x')
  await assert.rejects(
    at.log.append(stream, numbered(0, 1), { name: `${stream}:cursor:x`, value: '1' }),
    SetupError,
  )
  assert.equal(await at.log.checkpoint(`${stream}:cursor:x`), null)
  await assert.rejects(at.log.read({ stream, group: 'g', consumer: 'c' }, now), SetupError)
})

const startOn = async (url: string, log = pino({ level: 'silent' })): Promise<unknown> =>
  openRedisLog({ url, logger: log, startTimeoutMs: 500 }).then(
    async (opened) => opened[Symbol.asyncDispose](),
    (error: unknown) => error,
  )

test('a server that may evict can still be looked at', async () => {
  await using evicting = await freshRedis({
    args: ['--maxmemory', '64mb', '--maxmemory-policy', 'allkeys-lru'],
  })
  await using log = await openRedisLog({ url: evicting.url, isOnlyLookedAt: true })
  assert.equal((await log.streamStats('firehose_live')).length, 0)
})

test('refuses at the start: nobody there, an evicting server, a wrong password; each with its exit code', async () => {
  const nobody = await startOn('redis://127.0.0.1:1')
  assert.ok(nobody instanceof SetupError)
  assert.equal(nobody.exitCode, EXIT.unavailable)
  assert.match(nobody.message, /ECONNREFUSED/)
  await using evicting = await freshRedis({
    args: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'],
  })
  const unsafe = await startOn(evicting.url)
  assert.ok(unsafe instanceof SetupError)
  assert.equal(unsafe.exitCode, EXIT.unsafeConfig)
  await using locked = await freshRedis({ args: ['--requirepass', 'secret'] })
  for (const auth of ['', ':wrong@']) {
    const refused = await startOn(locked.url.replace('//', `//${auth}`))
    assert.ok(refused instanceof SetupError, String(refused))
    assert.equal(refused.exitCode, EXIT.unavailable)
    assert.match(refused.message, /credentials/)
  }
  assert.equal(await startOn(locked.url.replace('//', '//:secret@')), undefined)
})

test('warns when nothing is persisted, and checks a server that forbids CONFIG all the same', async () => {
  const lines: string[] = []
  const logger = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) })
  await using bare = await freshRedis()
  assert.equal(await startOn(bare.url, logger), undefined)
  assert.match(lines.join(), /persists NOTHING/)
  const args = ['--rename-command', 'CONFIG', '', '--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru']
  await using managed = await freshRedis({ args })
  const unsafe = await startOn(managed.url)
  assert.ok(unsafe instanceof SetupError)
  assert.equal(unsafe.exitCode, EXIT.unsafeConfig)
})
