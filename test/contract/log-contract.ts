/**
 * What every store of streams must do, said once and run against each: the guarantees of `src/stream/log.ts` as tests.
 * A store brings an opener; each test works on streams of its own.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Fields } from '../../src/stream/log.ts'
import { blockingTests } from './blocking.ts'
import { groupTests } from './groups.ts'
import { modelTests } from './log-model.ts'
import { pendingTests } from './pending.ts'
import {
  allPending,
  idsOf,
  now,
  numbered,
  numbersOf,
  type OpenStore,
  prepare,
  uniqueName,
  until,
} from './store.ts'

export const logContract = (name: string, open: OpenStore): void => {
  describe(`the log on ${name}`, () => {
    deliveryTests(open)
    checkpointTests(open)
    pendingTests(open)
    groupTests(open)
    blockingTests(open)
    restartTests(open)
    payloadTests(open)
    modelTests(open)
  })
}

const deliveryTests = (open: OpenStore): void => {
  test('delivers entries in the order of appends, each once, as first deliveries', async () => {
    await using store = await open()
    const { stream, reader } = await prepare(store.log)
    for (let i = 0; i < 50; i += 10) await store.log.append(stream, numbered(i, 10))
    const entries = [
      ...(await store.log.read(reader, { maxEntries: 20, blockMs: 0 })),
      ...(await store.log.read(reader, now)),
    ]
    assert.deepEqual(numbersOf(entries), [...Array(50).keys()])
    assert.ok(entries.every((entry) => entry.deliveries === 1))
    assert.deepEqual(await store.log.read(reader, now), [])
  })

  test('orders concurrent appends of one caller as they were called', async () => {
    await using store = await open()
    const { stream, reader } = await prepare(store.log)
    await Promise.all([...Array(20).keys()].map((i) => store.log.append(stream, numbered(i, 1))))
    assert.deepEqual(numbersOf(await store.log.read(reader, now)), [...Array(20).keys()])
  })

  test('gives ids that are times of the append and grow', async () => {
    await using store = await open()
    const { stream } = await prepare(store.log)
    await store.log.append(stream, numbered(0, 300))
    const entries = await store.log.range(stream, { maxEntries: 1_000 })
    const positions = entries.map(({ id }) => id.split('-').map(Number) as [number, number])
    assert.equal(positions.length, 300)
    for (const [i, [ms, n]] of positions.entries()) {
      assert.ok(Math.abs(Date.now() - ms) < 60_000)
      const before = positions[i - 1]
      assert.ok(before === undefined || ms > before[0] || (ms === before[0] && n > before[1]))
    }
  })

  test('shares the entries of a group among its consumers', async () => {
    await using store = await open()
    const { stream, reader, other } = await prepare(store.log)
    await store.log.append(stream, numbered(0, 4))
    const first = await store.log.read(reader, { maxEntries: 2, blockMs: 0 })
    const second = await store.log.read(other, now)
    assert.deepEqual(
      [numbersOf(first), numbersOf(second)],
      [
        [0, 1],
        [2, 3],
      ],
    )
  })

  test('shows a stream as it is stored without touching any group', async () => {
    await using store = await open()
    const { stream, reader } = await prepare(store.log)
    await store.log.append(stream, numbered(0, 5))
    const all = await store.log.range(stream, { maxEntries: 3 })
    const afterId = all.at(-1)?.id ?? ''
    const rest = await store.log.range(stream, { maxEntries: 3, afterId })
    assert.deepEqual(numbersOf([...all, ...rest]), [0, 1, 2, 3, 4])
    assert.equal((await store.log.groupStats(stream, reader.group)).lag, 5)
  })
}

const checkpointTests = (open: OpenStore): void => {
  test('saves the checkpoint with the entries, or alone, and lists checkpoints by prefix', async () => {
    await using store = await open()
    const { stream } = await prepare(store.log)
    const cursor = (host: string) => `${stream}:cursor:${host}`
    assert.equal(await store.log.checkpoint(cursor('https://a*[b]')), null)
    await store.log.append(stream, numbered(0, 2), { name: cursor('https://a*[b]'), value: '17' })
    await store.log.append(stream, [], { name: cursor('c'), value: '!ingester-done' })
    assert.equal(await store.log.checkpoint(cursor('https://a*[b]')), '17')
    assert.deepEqual(await store.log.checkpoints(`${stream}:cursor:`), [
      { name: cursor('c'), value: '!ingester-done' },
      { name: cursor('https://a*[b]'), value: '17' },
    ])
    assert.deepEqual(await store.log.checkpoints(`${stream}:cursor:https://a*[`), [
      { name: cursor('https://a*[b]'), value: '17' },
    ])
    assert.equal((await store.log.streamStats(stream)).length, 2)
  })

  test('an append of nothing at all is nothing', async () => {
    await using store = await open()
    const { stream } = await prepare(store.log)
    await store.log.append(stream, [])
    assert.equal((await store.log.streamStats(stream)).length, 0)
  })

  test('forgets a cached value when its time is over', async () => {
    await using store = await open()
    const key = uniqueName('did:key:did:plc')
    assert.equal(await store.log.cacheGet(key), null)
    await store.log.cacheSet(key, 'old', 60_000)
    await store.log.cacheSet(key, 'new', 60_000)
    assert.equal(await store.log.cacheGet(key), 'new')
    await store.log.cacheSet(key, 'brief', 30)
    await until(async () => (await store.log.cacheGet(key)) === null)
  })
}

const restartTests = (open: OpenStore): void => {
  test('keeps everything over a restart: entries, positions, pending, counts, checkpoints', async () => {
    await using store = await open()
    const { stream, group, reader } = await prepare(store.log)
    await store.log.append(stream, numbered(0, 10), { name: `${stream}:cursor:x`, value: '10' })
    const entries = await store.log.read(reader, { maxEntries: 6, blockMs: 0 })
    await store.log.ack(stream, group, idsOf(entries.slice(0, 2)))
    await store.log.claim(reader, idsOf(entries.slice(2, 3)), 0)
    const log = await store.reopen()
    assert.equal(await log.checkpoint(`${stream}:cursor:x`), '10')
    assert.equal((await log.streamStats(stream)).length, 8)
    const { lag, pending } = await log.groupStats(stream, group)
    assert.deepEqual({ lag, pending }, { lag: 4, pending: 4 })
    const rows = await allPending(log, reader)
    assert.deepEqual(
      rows.map((row) => row.deliveries),
      [2, 1, 1, 1],
    )
    assert.deepEqual(numbersOf(await log.claim(reader, idsOf(rows), 0)), [2, 3, 4, 5])
    assert.deepEqual(numbersOf(await log.read(reader, now)), [6, 7, 8, 9])
  })
}

const payloadTests = (open: OpenStore): void => {
  const odd: readonly Fields[] = [
    { event: '' },
    { event: '\u0000 before and after \u0000' },
    { repo: '{"did":"did:plc:x"}', reason: 'max_retries_exceeded', attempts: '3' },
    { '': 'empty name' },
    { event: 'snow ☃ and 🦋 and \r\n and "quotes" \\ backslash' },
    { labels: 'x'.repeat(100_000) },
  ]
  test('gives payloads back as they were', async () => {
    await using store = await open()
    const { stream, reader } = await prepare(store.log)
    await store.log.append(stream, odd)
    const entries = await store.log.read(reader, now)
    assert.deepEqual(
      entries.map((entry) => ({ ...entry.fields })),
      odd,
    )
  })

  test('takes entries of many megabytes', async () => {
    await using store = await open()
    const { stream, group, reader } = await prepare(store.log)
    const huge = [{ event: 'a'.repeat(8_000_000) }, { event: 'é'.repeat(2_000_000) }]
    await store.log.append(stream, huge)
    const entries = await store.log.read(reader, now)
    assert.ok(entries.every((entry, i) => entry.fields?.['event'] === huge[i]?.event))
    assert.equal(await store.log.ack(stream, group, idsOf(entries)), 2)
  })

  test('takes and frees thousands of entries at once', async () => {
    await using store = await open()
    const { stream, group, reader } = await prepare(store.log)
    await store.log.append(stream, numbered(0, 5_000))
    const entries = await store.log.read(reader, { maxEntries: 10_000, blockMs: 0 })
    assert.equal(entries.length, 5_000)
    assert.equal((await store.log.claim(reader, idsOf(entries), 0)).length, 5_000)
    assert.equal(await store.log.ack(stream, group, idsOf(entries)), 5_000)
    assert.equal((await store.log.streamStats(stream)).length, 0)
  })
}
