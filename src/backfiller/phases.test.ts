import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PhaseClock } from './phases.ts'

test('every moment belongs to the phase that was entered last; phases never entered are not told', (t) => {
  let now = 0
  t.mock.method(performance, 'now', () => now)
  const clock = new PhaseClock()
  const spend = (ms: number) => (now += ms)
  spend(500)
  clock.enter('wait')
  spend(1_000)
  clock.enter('fetch')
  spend(20)
  clock.enter('wait')
  spend(3_000)
  clock.enter('fetch')
  spend(30)
  assert.deepEqual(
    [...clock.end()],
    [
      ['wait', 4],
      ['fetch', 0.05],
    ],
  )
  spend(9_000)
  assert.equal(clock.end().get('fetch'), 0.05)
})
