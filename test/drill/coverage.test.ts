/** No alert without its fault: a rule that nobody has seen fire for its reason is a guess. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DRILLS } from './drills/index.ts'
import { alerts } from './rules.ts'

const names = alerts().map(({ name }) => name)

test('every alert has its drill, and no drill is of something else', () => {
  assert.deepEqual(DRILLS.map(({ alert }) => alert).sort(), [...names].sort())
})

test('what may come along with a drill is an alert', () => {
  const allowed = DRILLS.flatMap(({ also = [] }) => also)
  assert.deepEqual(
    allowed.filter((name) => !names.includes(name)),
    [],
  )
})
