import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LANES, Lanes } from './lanes.ts'

type Item = { readonly key: string; readonly n: number }

/** Lanes that note what they take, and end each batch when they are told to. */
const openLanes = (size: number) => {
  const taken: { batch: readonly Item[]; end: PromiseWithResolvers<void> }[] = []
  const lanes = new Lanes<Item>({
    keyOf: ({ key }) => key,
    size,
    work: (batch) => {
      const end = Promise.withResolvers<void>()
      taken.push({ batch, end })
      return end.promise
    },
  })
  return { lanes, taken }
}

const KEYS = Array.from({ length: 40 }, (_, n) => `did:plc:${'abcdefgh'[n % 8]}${n}`)
const items = (count: number): Item[] =>
  Array.from({ length: count }, (_, n) => ({ key: KEYS[n % KEYS.length] ?? '', n }))
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('every lane is busy with keys of its own, whose items come in their order', async () => {
  const { lanes, taken } = openLanes(1_000)
  const done = lanes.run(items(200))
  await settled()
  assert.equal(taken.length, LANES)
  const keys = taken.map(({ batch }) => new Set(batch.map(({ key }) => key)))
  assert.equal(
    keys.reduce((sum, { size }) => sum + size, 0),
    KEYS.length,
    'no key is in two lanes',
  )
  for (const { batch } of taken)
    for (const [, same] of Map.groupBy(batch, ({ key }) => key))
      assert.deepEqual(
        same.map(({ n }) => n),
        same.map(({ n }) => n).sort((a, b) => a - b),
      )
  for (const { end } of taken) end.resolve()
  await done
})

test('a lane takes all that waits, and never more than its limit', async () => {
  const { lanes, taken } = openLanes(10)
  const one = (count: number) => Array.from({ length: count }, (_, n) => ({ key: 'same', n }))
  const all = Promise.all([lanes.run(one(1)), lanes.run(one(4)), lanes.run(one(4)), lanes.run(one(9))])
  for (let n = 0; n < 3; n++) {
    await settled()
    taken[n]?.end.resolve()
  }
  await all
  assert.deepEqual(
    taken.map(({ batch }) => batch.length),
    [1, 10, 7],
  )
})

test('what came together has ended when all of it has, with its first failure; the next is done all the same', async () => {
  const { lanes, taken } = openLanes(1)
  const run = lanes.run([
    { key: 'a', n: 1 },
    { key: 'a', n: 2 },
  ])
  let ended = false
  const failure = assert.rejects(run, /first/).finally(() => (ended = true))
  const next = lanes.run([{ key: 'a', n: 3 }])
  await settled()
  taken[0]?.end.reject(new Error('first'))
  await settled()
  assert.equal(ended, false)
  taken[1]?.end.reject(new Error('second'))
  await failure
  taken[2]?.end.resolve()
  await next
})
