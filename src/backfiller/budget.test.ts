import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ByteBudget } from './budget.ts'

const never = new AbortController().signal
const turn = () => new Promise((resolve) => setImmediate(resolve))

test('what fits is granted at once, what does not fit waits for a release', async () => {
  const budget = new ByteBudget(10)
  const small = budget.lease(6, never)
  await small.grow(6)
  const large = budget.lease(8, never)
  let granted = false
  const waiting = large.grow(8).then(() => (granted = true))
  await turn()
  assert.equal(granted, false)
  assert.equal(budget.waiting, 1)
  small.release()
  await waiting
  assert.equal(budget.used, 8)
})

test('two repos that could each fill the budget do not wait for each other half way', async () => {
  const budget = new ByteBudget(10)
  const [first, second] = [budget.lease(10, never), budget.lease(10, never)]
  await first.grow(6)
  const held = second.grow(1).then(() => second.release())
  await first.grow(4)
  first.release()
  await held
  assert.equal(budget.used, 0)
})

test('a small repo passes a large one that waits', async () => {
  const budget = new ByteBudget(10)
  const running = budget.lease(5, never)
  await running.grow(5)
  const large = budget.lease(10, never)
  const waiting = large.grow(10)
  const small = budget.lease(1, never)
  await small.grow(1)
  small.release()
  running.release()
  await waiting
})

test('an abort ends the wait and leaves nothing behind', async () => {
  const budget = new ByteBudget(4)
  const running = budget.lease(4, never)
  await running.grow(4)
  const stop = new AbortController()
  const waiting = budget.lease(4, stop.signal)
  const grown = waiting.grow(1)
  stop.abort()
  await assert.rejects(grown, { name: 'AbortError' })
  assert.equal(budget.waiting, 0)
  waiting.release()
  running.release()
  running.release()
  assert.equal(budget.used, 0)
})

test('a lease keeps to its maximum, and a maximum to the budget', async () => {
  const budget = new ByteBudget(4)
  assert.throws(() => budget.lease(5, never), RangeError)
  const lease = budget.lease(2, never)
  await assert.rejects(lease.grow(3), RangeError)
})

test('whatever repos come in whatever sizes, all finish and the total is never passed', async () => {
  const repo = fc.record({
    max: fc.integer({ min: 1, max: 20 }),
    part: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(repo, { maxLength: 30 }), async (repos) => {
      const budget = new ByteBudget(20)
      await Promise.all(
        repos.map(async ({ max, part }) => {
          const lease = budget.lease(max, never)
          for (let i = 0; i < Math.ceil(max * part); i++) {
            await lease.grow(1)
            assert.ok(budget.used <= 20)
            await turn()
          }
          lease.release()
        }),
      )
      assert.equal(budget.used, 0)
    }),
    { numRuns: 50 },
  )
})
