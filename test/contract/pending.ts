/** Pending entries: listed, claimed, touched, acknowledged, buried. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allPending, idsOf, now, numbered, numbersOf, type OpenStore, prepare, until } from './store.ts'

export const pendingTests = (open: OpenStore): void => {
  test('lists what is delivered and not acknowledged, by page, consumer and idle time', async () => {
    await using store = await open()
    const { stream, group, reader, other } = await prepare(store.log)
    await store.log.append(stream, numbered(0, 6))
    const mine = await store.log.read(reader, { maxEntries: 4, blockMs: 0 })
    const theirs = await store.log.read(other, now)
    const rows = await allPending(store.log, reader)
    assert.deepEqual(idsOf(rows), idsOf([...mine, ...theirs]))
    assert.deepEqual(
      rows.map((row) => [row.consumer, row.deliveries]),
      [...mine.map(() => ['one', 1]), ...theirs.map(() => ['two', 1])],
    )
    const page = await store.log.pending(stream, group, {
      minIdleMs: 0,
      maxEntries: 2,
      afterId: mine[0]?.id ?? '',
    })
    assert.deepEqual(idsOf(page), idsOf(mine.slice(1, 3)))
    const ofTwo = await store.log.pending(stream, group, { minIdleMs: 0, maxEntries: 9, consumer: 'two' })
    assert.deepEqual(idsOf(ofTwo), idsOf(theirs))
    assert.deepEqual(await allPending(store.log, reader, 60_000), [])
    await until(async () => (await allPending(store.log, reader, 20)).length === 6)
  })

  test('gives a claimed entry to one claimant, with its body and one delivery more', async () => {
    await using store = await open()
    const { stream, reader, other } = await prepare(store.log)
    await store.log.append(stream, numbered(0, 2))
    const ids = idsOf(await store.log.read(reader, now))
    assert.deepEqual(await store.log.claim(other, ids, 60_000), [])
    await until(async () => (await allPending(store.log, reader, 30)).length === 2)
    const claims = await Promise.all([
      store.log.claim(other, ids, 30),
      store.log.claim({ ...reader, consumer: 'three' }, ids, 30),
    ])
    assert.deepEqual(
      claims
        .flat()
        .map((entry) => entry.id)
        .sort(),
      ids,
    )
    assert.deepEqual(numbersOf(claims.flat()).sort(), [0, 1])
    assert.ok(claims.flat().every((entry) => entry.deliveries === 2))
    const again = await store.log.claim(reader, ids.slice(0, 1), 0)
    assert.equal(again[0]?.deliveries, 3)
  })

  test('a touch resets the idle time and is no delivery', async () => {
    await using store = await open()
    const { stream, reader } = await prepare(store.log)
    await store.log.append(stream, numbered(0, 1))
    const ids = idsOf(await store.log.read(reader, now))
    await until(async () => (await allPending(store.log, reader, 40)).length === 1)
    const before = (await allPending(store.log, reader))[0]
    await store.log.touch(reader, ids)
    const after = (await allPending(store.log, reader))[0]
    assert.ok((after?.idleMs ?? 0) < (before?.idleMs ?? 0))
    assert.equal(after?.deliveries, 1)
  })

  test('an ack frees the entry, counts what was pending, and can be repeated', async () => {
    await using store = await open()
    const { stream, group, reader } = await prepare(store.log)
    await store.log.append(stream, numbered(0, 3))
    const ids = idsOf(await store.log.read(reader, now))
    assert.equal(await store.log.ack(stream, group, ids.slice(0, 2)), 2)
    assert.equal(await store.log.ack(stream, group, ids), 1)
    assert.equal(await store.log.ack(stream, group, ids), 0)
    assert.equal(await store.log.ack(stream, group, []), 0)
    assert.deepEqual(await allPending(store.log, reader), [])
    assert.equal((await store.log.streamStats(stream)).length, 0)
    assert.deepEqual(await store.log.claim(reader, ids, 0), [])
    await store.log.touch(reader, ids)
    assert.deepEqual(await allPending(store.log, reader), [])
  })

  test('an ack of what was never delivered frees nothing', async () => {
    await using store = await open()
    const { stream, group, reader } = await prepare(store.log)
    await store.log.append(stream, numbered(0, 2))
    const ids = idsOf(await store.log.range(stream, { maxEntries: 9 }))
    assert.equal(await store.log.ack(stream, group, ids), 0)
    assert.deepEqual(numbersOf(await store.log.read(reader, now)), [0, 1])
  })

  test('moves a dead letter to its stream and acknowledges the entry', async () => {
    await using store = await open()
    const { stream, group, reader } = await prepare(store.log)
    await store.log.append(stream, numbered(0, 2))
    const [first] = await store.log.read(reader, now)
    assert.ok(first?.fields)
    const letter = { ...first.fields, reason: 'max_retries_exceeded', attempts: '3' }
    await store.log.deadLetter({ stream, group, id: first.id }, { stream: `${stream}_dlq`, fields: letter })
    const letters = await store.log.range(`${stream}_dlq`, { maxEntries: 9 })
    assert.deepEqual(
      letters.map((entry) => ({ ...entry.fields })),
      [letter],
    )
    assert.equal((await store.log.groupStats(stream, group)).pending, 1)
    assert.equal((await store.log.streamStats(stream)).length, 1)
    assert.equal(await store.log.trim(`${stream}_dlq`), 0)
    assert.equal((await store.log.streamStats(`${stream}_dlq`)).length, 1)
  })
}
