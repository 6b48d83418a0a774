/** Groups beside each other on one stream, and what may be removed. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
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

export const groupTests = (open: OpenStore): void => {
  test('creates a group at the start of the stream, and the stream with it, however often it is asked', async () => {
    await using store = await open()
    const stream = uniqueName('stream')
    await store.log.append(stream, numbered(0, 3))
    await Promise.all([1, 2, 3].map(() => store.log.ensureGroup(stream, 'late')))
    const reader = { stream, group: 'late', consumer: 'one' }
    assert.deepEqual(numbersOf(await store.log.read(reader, now)), [0, 1, 2])
    await store.log.ensureGroup(stream, 'late')
    assert.deepEqual(await store.log.read(reader, now), [])
  })

  test('a reader whose group does not exist gets one, from the start', async () => {
    await using store = await open()
    const stream = uniqueName('stream')
    await store.log.append(stream, numbered(0, 2))
    const entries = await store.log.read({ stream, group: 'new', consumer: 'one' }, now)
    assert.deepEqual(numbersOf(entries), [0, 1])
  })

  test('keeps an entry until every group has acknowledged it', async () => {
    await using store = await open()
    const { stream, group, reader } = await prepare(store.log)
    const second = { ...reader, group: 'second' }
    await store.log.ensureGroup(stream, 'second')
    await store.log.append(stream, numbered(0, 6))
    const ids = idsOf(await store.log.read(reader, now))
    await store.log.ack(stream, group, ids)
    assert.equal(await store.log.trim(stream), 0)
    const seen = await store.log.read(second, { maxEntries: 4, blockMs: 0 })
    assert.deepEqual(numbersOf(seen), [0, 1, 2, 3])
    await store.log.ack(stream, 'second', idsOf([...seen.slice(1, 3)]))
    await store.log.trim(stream)
    const left = numbersOf(await store.log.range(stream, { maxEntries: 9 }))
    assert.deepEqual(left, [0, 3, 4, 5])
    await store.log.ack(stream, 'second', idsOf(seen))
    await store.log.trim(stream)
    assert.deepEqual(numbersOf(await store.log.range(stream, { maxEntries: 9 })), [4, 5])
  })

  test('trims nothing that is undelivered or pending, nor a stream that nobody reads', async () => {
    await using store = await open()
    const { stream, reader } = await prepare(store.log)
    await store.log.append(stream, numbered(0, 10))
    assert.equal(await store.log.trim(stream), 0)
    const entries = await store.log.read(reader, { maxEntries: 5, blockMs: 0 })
    await store.log.ack(stream, reader.group, idsOf(entries.slice(1)))
    assert.equal(await store.log.trim(stream), 0)
    assert.deepEqual(numbersOf(await store.log.range(stream, { maxEntries: 99 })), [0, 5, 6, 7, 8, 9])
    assert.deepEqual(numbersOf(await store.log.claim(reader, idsOf(entries), 0)), [0])
    const unread = uniqueName('unread')
    await store.log.append(unread, numbered(0, 3))
    assert.equal(await store.log.trim(unread), 0)
    assert.equal(await store.log.trim(uniqueName('missing')), 0)
    assert.equal((await store.log.streamStats(unread)).length, 3)
  })

  test('answers for streams and groups that do not exist with nothing', async () => {
    await using store = await open()
    const stream = uniqueName('missing')
    const reader = { stream, group: 'g', consumer: 'c' }
    assert.deepEqual(await store.log.streamStats(stream), { length: 0, oldestAgeMs: 0 })
    assert.deepEqual(await store.log.groupStats(stream, 'g'), { lag: 0, pending: 0, oldestPendingIdleMs: 0 })
    assert.deepEqual(await store.log.range(stream, { maxEntries: 9 }), [])
    assert.deepEqual(await allPending(store.log, reader), [])
    assert.deepEqual(await store.log.claim(reader, ['1-0'], 0), [])
    assert.equal(await store.log.ack(stream, 'g', ['1-0']), 0)
    await store.log.touch(reader, ['1-0'])
  })

  test('tells ages: of the oldest entry, and of what waits longest for an ack', async () => {
    await using store = await open()
    const { stream, group, reader } = await prepare(store.log)
    await store.log.append(stream, numbered(0, 2))
    const [first] = await store.log.read(reader, now)
    await until(async () => (await store.log.streamStats(stream)).oldestAgeMs >= 30)
    await until(async () => (await store.log.groupStats(stream, group)).oldestPendingIdleMs >= 30)
    await store.log.ack(stream, group, [first?.id ?? ''])
    assert.equal((await store.log.groupStats(stream, group)).pending, 1)
  })
}
