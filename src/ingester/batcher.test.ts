import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Batcher, entriesIn, type Batch, type BatchItem } from './batcher.ts'
import { until } from './testing.ts'

const item = (seq: number, more: Partial<BatchItem> = {}): BatchItem => ({
  seq,
  entries: [{ event: String(seq) }],
  bytes: 10,
  ...more,
})

const open = (
  options: { maxEntries?: number; maxBytes?: number; maxAgeMs?: number; maxIdleAgeMs?: number } = {},
) => {
  const writes: Batch[] = []
  const gates: PromiseWithResolvers<boolean>[] = []
  const settled: (readonly [seq: number, durable: boolean])[] = []
  let failures = 0
  const batcher = new Batcher({
    maxEntries: 2,
    maxBytes: 1_000,
    maxAgeMs: 60_000,
    maxIdleAgeMs: 60_000,
    ...options,
    write: (batch) => {
      writes.push(batch)
      const gate = Promise.withResolvers<boolean>()
      gates.push(gate)
      return gate.promise
    },
    onWritten: (batch, durable) => settled.push([batch.seq, durable]),
    onFailure: () => failures++,
  })
  return { batcher, writes, gates, settled, failures: () => failures }
}

const sizeOf = ({ batches }: Batcher) => batches.reduce((sum, batch) => sum + entriesIn(batch), 0)
const seqsOf = ({ entries }: Batch) => entries.map(({ event }) => Number(event))

test('a batch is written when it has enough entries, and only then', async () => {
  const { batcher, writes } = open()
  assert.equal(batcher.add(item(1)), null)
  assert.equal(writes.length, 0)
  assert.equal(batcher.add(item(2)), null)
  assert.deepEqual(writes.map(seqsOf), [[1, 2]])
})

test('a batch is written when it has enough bytes', () => {
  const { batcher, writes } = open({ maxBytes: 100 })
  void batcher.add(item(1, { bytes: 100 }))
  assert.deepEqual(writes.map(seqsOf), [[1]])
})

test('who adds must wait while one batch is written and the next is full, and memory stays there', async () => {
  const { batcher, writes, gates } = open()
  for (const seq of [1, 2, 3]) assert.equal(batcher.add(item(seq)), null)
  const full = batcher.add(item(4))
  assert.ok(full)
  assert.equal(sizeOf(batcher), 4)
  assert.deepEqual(
    batcher.batches.map(({ bytes }) => bytes),
    [20, 20],
  )
  assert.equal(writes.length, 1)
  gates[0]?.resolve(true)
  await full
  assert.deepEqual(writes.map(seqsOf), [
    [1, 2],
    [3, 4],
  ])
  assert.equal(sizeOf(batcher), 2)
})

test('the position of a batch is its highest, also of frames that gave nothing', async () => {
  const { batcher, writes, gates } = open()
  void batcher.add(item(9))
  void batcher.add({ seq: 12, entries: [], bytes: 0 })
  void batcher.add(item(11))
  assert.equal(writes[0]?.seq, 12)
  gates[0]?.resolve(true)
  await until('it is written', () => sizeOf(batcher) === 0)
  void batcher.add(item(1))
  void batcher.add(item(2))
  assert.equal(writes[1]?.seq, 2, 'a numbering that began again is followed')
})

test('an old batch is written though it is not full; one without entries waits for its own, longer age', async () => {
  const { batcher, writes } = open({ maxAgeMs: 5 })
  void batcher.add({ seq: 1, entries: [], bytes: 0 })
  void batcher.add(item(2))
  await until('the age has come', () => writes.length === 1)
  assert.deepEqual([writes[0]?.seq, writes[0]?.entries.length], [2, 1])
  const idle = open({ maxIdleAgeMs: 5 })
  void idle.batcher.add({ seq: 7, entries: [], bytes: 0 })
  await until('the idle age has come', () => idle.writes.length === 1)
  assert.deepEqual([idle.writes[0]?.seq, idle.writes[0]?.entries.length], [7, 0])
})

test('a repo is asked for once per batch, for its latest rev', () => {
  const { batcher, writes } = open({ maxEntries: 3 })
  void batcher.add(item(1, { entries: [], resync: { did: 'a', fields: { repo: 'old' } } }))
  void batcher.add(item(2, { entries: [], resync: { did: 'a', fields: { repo: 'new' } } }))
  void batcher.add(item(3, { resync: { did: 'b', fields: { repo: 'b' } } }))
  assert.deepEqual([...(writes[0]?.resyncs.values() ?? [])], [{ repo: 'new' }, { repo: 'b' }])
})

test('drain resolves when everything in hand has been written', async () => {
  const { batcher, writes, gates } = open()
  for (const seq of [1, 2, 3]) void batcher.add(item(seq))
  const drained = batcher.drain()
  gates[0]?.resolve(true)
  await until('the rest is on its way', () => writes.length === 2)
  gates[1]?.resolve(true)
  await drained
  assert.equal(sizeOf(batcher), 0)
})

test('a write that fails for good is told once and reaches whoever waits or adds', async () => {
  const { batcher, gates, failures } = open()
  for (const seq of [1, 2, 3]) void batcher.add(item(seq))
  const full = batcher.add(item(4))
  gates[0]?.reject(new Error('disk on fire'))
  await assert.rejects(full ?? Promise.resolve(), /disk on fire/)
  await assert.rejects(batcher.drain(), /disk on fire/)
  assert.equal(failures(), 1)
})

test('whoever keeps account hears of a batch in the tick in which it leaves, and whether it is durable', async () => {
  const { batcher, gates, settled } = open()
  for (const seq of [1, 2, 3]) void batcher.add(item(seq))
  gates[0]?.resolve(false)
  for (let tick = 0; tick < 10; tick++) {
    assert.equal(sizeOf(batcher) + 2 * settled.length, 3)
    await Promise.resolve()
  }
  assert.deepEqual(settled, [[2, false]])
})

test("what is given up is handed back once, and its late write is nobody's", async () => {
  const { batcher, gates, settled } = open()
  for (const seq of [1, 2, 3]) void batcher.add(item(seq))
  assert.deepEqual(batcher.giveUp().map(seqsOf), [[1, 2], [3]])
  assert.deepEqual(batcher.giveUp(), [])
  gates[0]?.resolve(true)
  await batcher.drain()
  assert.deepEqual(settled, [])
})
