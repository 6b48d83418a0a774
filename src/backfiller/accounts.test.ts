import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { openAccounts } from './accounts.ts'

test('what is in hand, and what came to one end, leaves no residual', () => {
  const { records } = openAccounts()
  records.receive(10)
  const held = records.hold(10)
  assert.equal(records.residual(), 0)
  held.end('extracted', 4)
  held.end('filtered', 6)
  assert.equal(records.residual(), 0)
  held.close()
  assert.deepEqual(records.account(), {
    received: 10,
    inFlight: 0,
    outcomes: { extracted: 4, filtered: 6, dropped: 0, abandoned: 0 },
  })
})

test('what is let go without an end is a loss, an end too many is a double count: both stay', () => {
  const { repos, records } = openAccounts()
  repos.receive(1)
  repos.hold(1).close()
  assert.equal(repos.residual(), 1)
  records.receive(3)
  const held = records.hold(3)
  held.end('extracted', 3)
  held.end('dropped', 2)
  held.close()
  assert.equal(records.residual(), -2)
  repos.receive(5)
  assert.equal(repos.residual(), 6, 'received and never held')
})

const snapshot = fc.record({
  keys: fc.nat(20),
  written: fc.nat(25),
  abandons: fc.boolean(),
})

test('the residual is the sum of every single error, whatever runs side by side', () => {
  fc.assert(
    fc.property(fc.array(snapshot, { maxLength: 20 }), (snapshots) => {
      const { records } = openAccounts()
      const held = snapshots.map(({ keys }) => {
        records.receive(keys)
        return records.hold(keys)
      })
      let wrong = 0
      snapshots.forEach(({ keys, written, abandons }, i) => {
        held[i]?.end('extracted', written)
        if (abandons) held[i]?.end('abandoned', held[i]?.left)
        held[i]?.close()
        wrong += abandons ? Math.min(0, keys - written) : keys - written
        assert.equal(records.residual(), wrong)
      })
      assert.equal(records.account().inFlight, 0)
    }),
  )
})
