/**
 * `npm run drill [-- alert names] [--fast] [--json]`: runs drills one after the other, says how each goes, prints a table, and keeps
 * what was measured in docs/drills.json. Exits 3 when an alert did not come, did not go, or brought strangers along.
 */
import { parseArgs } from 'node:util'
import { EXIT } from '../../src/lib/errors.ts'
import { DRILLS } from './drills/index.ts'
import { quiet, run, type Drill, type DrillResult } from './drill.ts'
import { keep, progress, table } from './report.ts'
import { hasRunbook } from './runbook.ts'
import { openStack, type Stack } from './stack.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { fast: { type: 'boolean' }, json: { type: 'boolean' } },
})

const chosen = (): readonly Drill[] => {
  const unknown = positionals.filter((name) => !DRILLS.some(({ alert }) => alert === name))
  if (unknown.length > 0) throw new Error(`no drill is called ${unknown.join(', ')}`)
  return DRILLS.filter(({ alert, fast }) => {
    if (positionals.length > 0) return positionals.includes(alert)
    return values.fast !== true || fast === true
  })
}

/** A stack that is not well by itself measures nothing: then the run ends. */
const openQuietStack = async (): Promise<Stack> => {
  const stack = await openStack()
  try {
    await quiet(stack, FRESH_QUIET_WITHIN_MS)
    return stack
  } catch (error) {
    await stack[Symbol.asyncDispose]()
    throw error
  }
}

const FRESH_QUIET_WITHIN_MS = 90_000

/** A stack that is not quiet any more serves no other drill. */
const runAll = async (drills: readonly Drill[]): Promise<readonly DrillResult[]> => {
  let stack: Stack | null = null
  const results: DrillResult[] = []
  try {
    for (const [i, drill] of drills.entries()) {
      stack ??= await openQuietStack()
      const result = await run(drill, stack)
      results.push(result)
      console.error(progress(result, i + 1, drills.length))
      await keep([result], stack)
      if (result.outcome === 'passed' && drill.last !== true) continue
      await stack[Symbol.asyncDispose]()
      stack = null
    }
    return results
  } finally {
    await stack?.[Symbol.asyncDispose]()
  }
}

const results = await runAll(chosen())
console.log(values.json === true ? JSON.stringify(results, null, 2) : table(results))
const unwritten = results.map(({ alert }) => alert).filter((alert) => !hasRunbook(alert))
if (unwritten.length > 0) console.error(`without a runbook: ${unwritten.join(', ')}`)
process.exitCode = results.every(({ outcome }) => outcome === 'passed') ? EXIT.ok : EXIT.negative
