/**
 * The victim of the crash test: appends to the embedded log in `argv[2]` from several callers at once and prints each number
 * once it is acknowledged as durable; reads and acknowledges on the side. Ends only by being killed.
 */
import { writeSync } from 'node:fs'
import { openEmbeddedLog } from '../../src/stream/embedded/index.ts'

const log = await openEmbeddedLog({ dataDir: process.argv[2] ?? '' })
const stored = Number((await log.checkpoint('cursor')) ?? 0)
let n = stored
writeSync(1, `open ${stored}\n`)

const append = async (): Promise<never> => {
  for (;;) {
    const entries = Array.from({ length: 1 + (n % 7) }, () => ({
      event: String(++n),
      pad: 'x'.repeat((n * 37) % 3_000),
    }))
    const last = n
    await log.append('kept', entries, { name: 'cursor', value: String(last) })
    writeSync(1, `${last}\n`)
  }
}

/** Entries of another stream come and go, so that pages are freed and reused while the kill strikes. */
const churn = async (): Promise<never> => {
  const reader = { stream: 'churned', group: 'g', consumer: 'c' }
  await log.ensureGroup('churned', 'g')
  for (;;) {
    await log.append('churned', Array(20).fill({ event: 'y'.repeat(500) }))
    const entries = await log.read(reader, { maxEntries: 20, blockMs: 0 })
    await log.ack(
      'churned',
      'g',
      entries.map((entry) => entry.id),
    )
  }
}

await Promise.all([append(), append(), append(), churn()])
