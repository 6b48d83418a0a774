import assert from 'node:assert/strict'
import { test } from 'node:test'
import { heldForMs, markHeld, withoutMark } from './hold.ts'

const HOUR = 3_600_000

test('the first mark stays, so that the time of an entry runs out however often it is put back', () => {
  const fields = { repo: '{}' }
  assert.equal(heldForMs(fields), null)
  const marked = markHeld(fields, 1_000 * HOUR)
  assert.deepEqual(markHeld(marked, 1_001 * HOUR), marked)
  assert.equal(heldForMs(marked, 1_002 * HOUR), 2 * HOUR)
  assert.deepEqual(withoutMark(marked), fields)
})

test('a mark that is no time is none; one from the future of another clock has just begun', () => {
  assert.equal(heldForMs({ held_since: 'soon' }), null)
  assert.equal(heldForMs(markHeld({}, 2 * HOUR), HOUR), 0)
})
