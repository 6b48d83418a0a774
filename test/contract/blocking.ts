/** Readers that wait. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { idsOf, now, numbered, numbersOf, type OpenStore, prepare } from './store.ts'

export const blockingTests = (open: OpenStore): void => {
  test('a waiting reader gets what is appended', async () => {
    await using store = await open()
    const { stream, reader } = await prepare(store.log)
    const waiting = store.log.read(reader, { maxEntries: 10, blockMs: 30_000 })
    await store.log.append(stream, numbered(0, 1))
    assert.deepEqual(numbersOf(await waiting), [0])
  })

  test('a waiting reader does not hold up anybody else', async () => {
    await using store = await open()
    const { stream, reader } = await prepare(store.log)
    const elsewhere = await prepare(store.log)
    const stop = new AbortController()
    const waiting = store.log.read(reader, { maxEntries: 10, blockMs: 30_000, signal: stop.signal })
    await store.log.append(elsewhere.stream, numbered(0, 1))
    const entries = await store.log.read(elsewhere.reader, { maxEntries: 10, blockMs: 30_000 })
    assert.equal(await store.log.ack(elsewhere.stream, elsewhere.group, idsOf(entries)), 1)
    stop.abort()
    assert.deepEqual(await waiting, [])
    await store.log.append(stream, numbered(7, 1))
    assert.deepEqual(numbersOf(await store.log.read(reader, now)), [7])
  })

  test('a wait ends with nothing: after its time, on abort, when already aborted', async () => {
    await using store = await open()
    const { reader } = await prepare(store.log)
    assert.deepEqual(await store.log.read(reader, { maxEntries: 1, blockMs: 30 }), [])
    const stop = new AbortController()
    const waiting = store.log.read(reader, { maxEntries: 1, blockMs: 60_000, signal: stop.signal })
    setImmediate(() => stop.abort())
    assert.deepEqual(await waiting, [])
    assert.deepEqual(
      await store.log.read(reader, { maxEntries: 1, blockMs: 60_000, signal: stop.signal }),
      [],
    )
  })

  test('a reader that starts to wait in the moment of an append misses nothing', async () => {
    await using store = await open()
    const { stream, reader } = await prepare(store.log)
    for (let i = 0; i < 50; i++) {
      const [entries] = await Promise.all([
        store.log.read(reader, { maxEntries: 1, blockMs: 30_000 }),
        store.log.append(stream, numbered(i, 1)),
      ])
      assert.deepEqual(numbersOf(entries), [i])
    }
  })
}
