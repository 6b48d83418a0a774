/** The cases, tested: every small wrong change of a rule makes one of them fail. MUTATION_REPORT=1 prints the score. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { productionClock } from '../../../src/monitoring/alerts/clock.ts'
import { ruleGroups } from '../../../src/monitoring/alerts/index.ts'
import { needs } from '../../harness/services.ts'
import { equivalent } from './equivalent.ts'
import { type Mutant, mutantsOf } from './mutants.ts'
import { promtoolTest, type Rule } from './promtool.ts'
import { suites } from './suites.ts'

test('every mutant of every rule is noticed by a case', needs('prom'), async () => {
  const mutants = new Map<string, Mutant>()
  const grow = (rule: Rule): readonly Rule[] => {
    const found = mutantsOf(rule).filter((mutant) => !equivalent(rule, mutant))
    for (const mutant of found) mutants.set(mutant.rule.alert ?? mutant.rule.record ?? '', mutant)
    return found.map((mutant) => mutant.rule)
  }
  const complaints = await promtoolTest(suites(ruleGroups(productionClock), grow))
  const noticed = new Set([...complaints.matchAll(/[A-Za-z_:0-9]+_m\d+\b/g)].map(([name]) => name))
  const alive = [...mutants].filter(([name]) => !noticed.has(name))
  if (process.env['MUTATION_REPORT']) {
    for (const [name, { kind, what }] of alive) console.log(`alive ${name} (${kind}): ${what}`)
    console.log(`${mutants.size - alive.length} of ${mutants.size} mutants noticed`)
  }
  assert.deepEqual(
    alive.map(([name, { kind, what }]) => `${name} (${kind}): ${what}`),
    [],
  )
})
