/** The seed's document, walked through: every command of the committed page gives what it has to, on real services. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { openFleet } from '../../tools/walkthrough/fleet.ts'
import { pageOf, privateIn } from '../../tools/walkthrough/page.ts'
import { faultsOf } from '../../tools/walkthrough/step.ts'
import { SECTIONS, walk } from '../../tools/walkthrough/walk.ts'
import { needs } from '../harness/services.ts'

const NEEDS = { ...needs('redis', 'pg', 'prom', 'alerts', 'runbooks'), timeout: 290_000 }
const COMMITTED = readFileSync(new URL('../../docs/seed-walkthrough.md', import.meta.url), 'utf8')
const linesOf = (text: string): Set<string> => new Set(text.split('\n'))

test('the committed page has every section, step and command of the walk, and names no machine', () => {
  const lines = linesOf(COMMITTED)
  const steps = SECTIONS.flatMap((section) => section.steps)
  const wanted = [
    ...SECTIONS.map(({ title }) => `## ${title}`),
    ...steps.map(({ heading }) => `### ${heading}`),
    ...steps.flatMap(({ commands }) => commands.flatMap(({ run }) => run.split('\n'))),
  ]
  assert.deepEqual(
    wanted.filter((line) => !lines.has(line)),
    [],
  )
  assert.deepEqual(privateIn(COMMITTED), [])
})

test(
  'every command of the seed gives its output, every metric of its tables is there and moves',
  NEEDS,
  async () => {
    await using fleet = await openFleet()
    const walked = await walk(fleet)
    assert.deepEqual(faultsOf(walked), [])
    assert.deepEqual(privateIn(pageOf(walked)), [])
  },
)
