/**
 * `node tools/walkthrough.ts`: does on real services what the seed's document says, line by line, and writes docs/seed-walkthrough.md.
 * Writes nothing and exits 3 when a command fails or gives nothing, or a metric of the document is absent or never moves.
 */
import { writeFile } from 'node:fs/promises'
import { EXIT } from '../src/lib/errors.ts'
import { openFleet } from './walkthrough/fleet.ts'
import { pageOf, privateIn } from './walkthrough/page.ts'
import { faultsOf } from './walkthrough/step.ts'
import { walk } from './walkthrough/walk.ts'

process.chdir(new URL('../', import.meta.url).pathname)
const say = (text: string): void => void process.stderr.write(`${text}\n`)

await using fleet = await openFleet()
const walked = await walk(fleet, say)
const page = pageOf(walked)
const faults = [...faultsOf(walked), ...privateIn(page).map((name) => `the page names ${name}`)]
say(faults.join('\n'))
if (faults.length === 0) await writeFile('docs/seed-walkthrough.md', page)
process.exitCode = faults.length === 0 ? EXIT.ok : EXIT.negative
