#!/usr/bin/env node
/** The entry: finds the right runtime, then hands over. Imports nothing that an older Node could not load. */
import { findPinnedRuntime, installAdvice, isRuntimeTooOld, runOn } from './runtime.ts'

const main = async (): Promise<void> => {
  if (!isRuntimeTooOld()) {
    const { run } = await import('./run.ts')
    return run(process.argv.slice(2))
  }
  const runtime = findPinnedRuntime(import.meta.url)
  if (runtime === null) {
    process.stderr.write(installAdvice())
    process.exit(69)
  }
  process.exit(await runOn(runtime, process.argv.slice(1)))
}

await main()
