/**
 * `npm run drill [-- alert names] [--fast] [--json]`: runs drills one after the other, says how each goes, prints a table, and keeps
 * what was measured in docs/drills.json. Exits 3 when an alert did not come, did not go, or brought strangers along, or when a stack
 * is not quiet by itself.
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

/** The stack that is open, or about to be. */
let current: Promise<Stack> | null = null
let isStopped = false

const endStack = async (): Promise<void> => {
  const stack = current
  current = null
  await (await stack?.catch(() => null))?.[Symbol.asyncDispose]()
}

const CODES = { SIGINT: 130, SIGTERM: 143 } as const

/** Whoever stops the drills leaves no program and no folder behind. */
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    isStopped = true
    void endStack().finally(() => process.exit(CODES[signal]))
  })
}

const FRESH_QUIET_WITHIN_MS = 90_000
const QUIET_AGAIN_WITHIN_MS = 30_000

/** A stack that is not well by itself measures nothing: then the run ends. */
const openQuietStack = async (): Promise<Stack> => {
  current = openStack()
  const stack = await current
  await quiet(stack, FRESH_QUIET_WITHIN_MS)
  return stack
}

const isQuietAgain = (stack: Stack): Promise<boolean> =>
  quiet(stack, QUIET_AGAIN_WITHIN_MS).then(
    () => true,
    () => false,
  )

/** A stack that is not quiet any more serves no other drill. */
const runAll = async (drills: readonly Drill[]): Promise<readonly DrillResult[]> => {
  let stack: Stack | null = null
  const results: DrillResult[] = []
  for (const [i, drill] of drills.entries()) {
    if (drill.alone === true) {
      await endStack()
      stack = null
    }
    stack ??= await openQuietStack()
    const result = await run(drill, stack)
    if (isStopped) break
    results.push(result)
    console.error(progress(result, i + 1, drills.length))
    await keep([result], stack)
    if (drill.alone !== true && (result.outcome === 'passed' || (await isQuietAgain(stack)))) continue
    await endStack()
    stack = null
  }
  return results
}

const tell = (results: readonly DrillResult[]): void => {
  console.log(values.json === true ? JSON.stringify(results, null, 2) : table(results))
  const unwritten = results.map(({ alert }) => alert).filter((alert) => !hasRunbook(alert))
  if (unwritten.length > 0) console.error(`without a runbook: ${unwritten.join(', ')}`)
  process.exitCode = results.every(({ outcome }) => outcome === 'passed') ? EXIT.ok : EXIT.negative
}

try {
  tell(await runAll(chosen()))
} catch (error) {
  console.error(`the drills ended: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = EXIT.negative
} finally {
  await endStack()
}
