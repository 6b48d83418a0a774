import assert from 'node:assert/strict'
import { test } from 'node:test'
import { slotOf } from './slot.ts'

test('finds the slot of a key as the cluster specification does', () => {
  // CRC16 of "123456789" is 0x31C3, which the specification gives as its reference.
  assert.equal(slotOf('123456789'), 0x31c3)
  assert.equal(slotOf('foo'), 12182)
  assert.equal(slotOf('somekey'), 11058)
  assert.equal(slotOf('{user1000}.following'), slotOf('user1000'))
  assert.equal(slotOf('foo{}{bar}'), 8363)
  assert.equal(slotOf('foo{{bar}}zap'), slotOf('{bar'))
})
