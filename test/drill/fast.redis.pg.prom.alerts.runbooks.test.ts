/** The few drills that every change runs, on one stack: an upstream gone, a locked table, an unsafe store, no voice. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { needs } from '../harness/services.ts'
import { DRILLS } from './drills/index.ts'
import { quiet, run } from './drill.ts'
import { openStack } from './stack.ts'

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
          const { problem, firedSeconds, boundSeconds } = await run(drill, stack)
          assert.equal(problem, undefined)
          t.diagnostic(`fired after ${firedSeconds?.toFixed(1)} s, bound ${boundSeconds} s`)
        },
      )
    }
  },
)
