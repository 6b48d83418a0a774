/** The few drills that every change runs, on one stack: an upstream gone, a locked table, an unsafe store, no voice. */
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { needs } from '../harness/services.ts'
import { DRILLS } from './drills/index.ts'
import { quiet, run, type Drill, type DrillResult } from './drill.ts'
import { openStack, type Stack } from './stack.ts'

/** A machine that stops for a moment brings an alert of its own; it does not do so twice, and a fault of ours does. */
const runTwice = async (drill: Drill, stack: Stack, t: TestContext): Promise<DrillResult> => {
  const first = await run(drill, stack)
  if (first.problem === undefined) return first
  t.diagnostic(`the first time: ${first.problem}`)
  await quiet(stack)
  return run(drill, stack)
}

test(
  'alerts come with their real faults, alone, and go with them',
  needs('redis', 'pg', 'prom', 'alerts'),
  async (t) => {
    await using stack = await openStack()
    await quiet(stack)
    for (const drill of DRILLS.filter(({ fast }) => fast === true)) {
      await t.test(
        `${drill.alert} comes with its fault, with nothing that does not belong to it, and goes`,
        async (t) => {
          const { problem, firedSeconds, boundSeconds } = await runTwice(drill, stack, t)
          assert.equal(problem, undefined)
          t.diagnostic(`fired after ${firedSeconds?.toFixed(1)} s, bound ${boundSeconds} s`)
        },
      )
    }
  },
)
