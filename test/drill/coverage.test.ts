/** No alert without its fault: a rule that nobody has seen fire for its reason is a guess. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DRILLS, WITHOUT_DRILL } from './drills/index.ts'
import { alerts } from './rules.ts'

const names = alerts().map(({ name }) => name)

test('every alert has a drill, or a reason why it has none', () => {
  const drilled = new Set([...DRILLS.map(({ alert }) => alert), ...Object.keys(WITHOUT_DRILL)])
  assert.deepEqual(
    names.filter((name) => !drilled.has(name)),
    [],
  )
})

test('no alert has both, or two drills, and none is drilled that does not exist', () => {
  const all = [...DRILLS.map(({ alert }) => alert), ...Object.keys(WITHOUT_DRILL)]
  assert.equal(new Set(all).size, all.length)
  const allowed = DRILLS.flatMap(({ also = [] }) => also)
  assert.deepEqual(
    [...all, ...allowed].filter((name) => !names.includes(name)),
    [],
  )
})
