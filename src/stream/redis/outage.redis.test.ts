/** Redis dies, hangs, and comes back in the middle of the work. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { idsOf, now, numbered, prepare, until } from '../../../test/contract/store.ts'
import { temporaryFolder } from '../../../test/contract/temporary-folder.ts'
import { freePort, freshRedis } from '../../../test/harness/services.ts'
import { backoffMs } from '../../lib/backoff.ts'
import { TransientError } from '../../lib/errors.ts'
import { createConsumer } from '../consumer.ts'
import type { Fields, Log } from '../log.ts'
import { openRedisLog } from './index.ts'

const AOF = ['--appendonly', 'yes', '--appendfsync', 'always']

/** As a producer does: the same batch again until it is durable. */
const insist = async (run: () => Promise<void>): Promise<number> => {
  for (let failures = 0; ; failures++) {
    try {
      await run()
      return failures
    } catch (error) {
      assert.ok(error instanceof TransientError, String(error))
      await new Promise((resolve) =>
        setTimeout(resolve, backoffMs(failures + 1, { initialMs: 5, maxMs: 100 })),
      )
    }
  }
}

const appendAll = async (
  log: Log,
  stream: string,
  total: number,
  onBatch: (n: number) => void,
): Promise<void> => {
  for (let n = 0; n < total; n += 10) {
    const entries: readonly Fields[] = numbered(n, 10)
    await insist(() => log.append(stream, entries, { name: `${stream}:cursor:x`, value: String(n + 10) }))
    onBatch(n + 10)
  }
}

test('nothing is lost when Redis is killed and started again, twice, under way', async () => {
  using folder = temporaryFolder()
  const port = await freePort()
  const start = () => freshRedis({ args: AOF, dir: folder.path, port })
  let server = await start()
  await using log = await openRedisLog({ url: server.url, commandTimeoutMs: 2_000 })
  const at = await prepare(log)
  const seen = new Set<number>()
  const stop = new AbortController()
  const storeErrors: unknown[] = []
  const consumer = createConsumer({
    log,
    ...at.reader,
    batchSize: 20,
    retry: { initialMs: 20, maxMs: 50 },
    maxDeliveries: 50,
    deadLetterStream: `${at.stream}_dlq`,
    onStoreError: (error) => storeErrors.push(error),
  })
  const work = (async () => {
    for await (const batch of consumer.batches(stop.signal)) {
      for (const entry of batch) seen.add((JSON.parse(entry.fields['event'] ?? '') as { n: number }).n)
      await consumer.done(idsOf(batch))
    }
  })()
  let appended = 0
  const produced = appendAll(log, at.stream, 1_000, (n) => (appended = n))
  for (const when of [200, 600]) {
    await until(async () => appended >= when)
    await server.kill()
    server = await start()
  }
  await produced
  await until(async () => seen.size === 1_000)
  await until(async () => (await log.groupStats(at.stream, at.group)).pending === 0)
  stop.abort()
  await work
  assert.equal(await log.checkpoint(`${at.stream}:cursor:x`), '1000')
  assert.ok(storeErrors.every((error) => error instanceof TransientError))
  await server.stop()
})

test('what was read before Redis was killed is not told lost after it', async () => {
  using folder = temporaryFolder()
  const port = await freePort()
  const start = () => freshRedis({ args: AOF, dir: folder.path, port })
  let server = await start()
  await using log = await openRedisLog({ url: server.url, commandTimeoutMs: 2_000 })
  const { stream, group, reader } = await prepare(log)
  const figures = () => log.streamFigures({ stream, group, deadLetterStream: null })
  const killed = async () => {
    await server.kill()
    server = await start()
    await until(async () => (await log.checkpoint('nothing').catch(() => 'away')) === null)
  }
  await log.append(stream, numbered(0, 10))
  assert.equal((await log.read(reader, { maxEntries: 4, blockMs: 0 })).length, 4)
  await killed()
  assert.deepEqual([(await figures()).lost, (await figures()).undelivered], [0, 6])
  assert.equal((await log.read(reader, { maxEntries: 6, blockMs: 0 })).length, 6)
  const waiting = log.read(reader, { maxEntries: 5, blockMs: 5_000 })
  await log.append(stream, numbered(10, 3))
  const waited = (await waiting).length
  assert.ok(waited > 0)
  await log.read(reader, { maxEntries: 5, blockMs: 0 })
  await killed()
  assert.deepEqual([(await figures()).lost, (await figures()).pending], [0, 13])
  await server.stop()
})

test('a Redis that hangs fails every command in its time, and is used again when it is back', async () => {
  await using server = await freshRedis()
  const losses: string[] = []
  const timing = { commandTimeoutMs: 150, connectTimeoutMs: 150 }
  await using log = await openRedisLog({
    url: server.url,
    ...timing,
    onLost: (reason) => losses.push(reason),
  })
  const { stream, group, reader } = await prepare(log)
  await log.append(stream, numbered(0, 1))
  process.kill(server.pid, 'SIGSTOP')
  try {
    const outcomes = await Promise.allSettled([
      log.append(stream, numbered(1, 1)),
      log.checkpoint('x'),
      log.read(reader, { maxEntries: 1, blockMs: 10 }),
      log.ack(stream, group, ['1-1']),
      log.groupStats(stream, group),
      log.checkpoints('x'),
    ])
    for (const outcome of outcomes)
      assert.ok(outcome.status === 'rejected' && outcome.reason instanceof TransientError)
    assert.match(losses.join(), /no answer/)
  } finally {
    process.kill(server.pid, 'SIGCONT')
  }
  await insist(() => log.append(stream, numbered(2, 1)))
  assert.ok((await log.read(reader, now)).length >= 2)
})

test(
  'an abort ends a wait even while Redis is away, and closing ends everything',
  { timeout: 30_000 },
  async () => {
    const server = await freshRedis()
    const log = await openRedisLog({ url: server.url, commandTimeoutMs: 60_000 })
    const { reader } = await prepare(log)
    const stop = new AbortController()
    const consumer = createConsumer({
      log,
      ...reader,
      batchSize: 1,
      retry: { initialMs: 10, maxMs: 10 },
      maxDeliveries: 1,
      deadLetterStream: 'dlq',
    })
    const waiting = consumer.next(stop.signal)
    await server.kill()
    const append = log.append(reader.stream, numbered(0, 1))
    const closed = assert.rejects(append, TransientError)
    stop.abort()
    assert.equal(await waiting, null)
    await log[Symbol.asyncDispose]()
    await closed
  },
)

test('a Redis out of memory refuses appends for a while, whole, and takes acks', async () => {
  await using server = await freshRedis({ args: ['--maxmemory', '6mb', '--maxmemory-policy', 'noeviction'] })
  await using log = await openRedisLog({ url: server.url })
  const { stream, group, reader } = await prepare(log)
  let appended = 0
  let failure: unknown
  while (failure === undefined) {
    const save = { name: 'cursor', value: String(appended + 10) }
    await log.append(stream, Array(10).fill({ event: 'x'.repeat(10_000) }), save).then(
      () => (appended += 10),
      (error: unknown) => (failure = error),
    )
  }
  assert.ok(failure instanceof TransientError)
  assert.match(failure.message, /OOM/)
  assert.equal(await log.checkpoint('cursor'), String(appended))
  const entries = await log.read(reader, { maxEntries: 1_000, blockMs: 0 })
  assert.equal(entries.length, appended)
  assert.equal(await log.ack(stream, group, idsOf(entries)), appended)
  await log.append(stream, numbered(0, 1))
})
