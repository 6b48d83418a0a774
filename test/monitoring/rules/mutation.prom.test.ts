/**
 * The cases, tested: every small wrong change of a rule makes one of them fail. An ordinary run tries one mutant in twelve;
 * MUTATION=full tries all of them (minutes) and prints the score.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { RuleGroup } from '../../../src/monitoring/alerts/alert.ts'
import { productionClock } from '../../../src/monitoring/alerts/clock.ts'
import { ruleGroups } from '../../../src/monitoring/alerts/index.ts'
import { needs } from '../../harness/services.ts'
import { equivalent } from './equivalent.ts'
import { type Mutant, mutantsOf } from './mutants.ts'
import { promtoolTest, type Rule } from './promtool.ts'
import { suites } from './suites.ts'

const ONE_IN = process.env['MUTATION'] === 'full' ? 1 : 12
const groups = ruleGroups(productionClock)
const score = { noticed: 0, tried: 0 }
let index = 0

const tryAll = async (group: RuleGroup): Promise<readonly string[]> => {
  const mutants = new Map<string, Mutant>()
  const grow = (rule: Rule): readonly Rule[] => {
    const found = mutantsOf(rule).filter((mutant) => !equivalent(rule, mutant) && index++ % ONE_IN === 0)
    for (const mutant of found) mutants.set(mutant.rule.alert ?? mutant.rule.record ?? '', mutant)
    return found.map((mutant) => mutant.rule)
  }
  const complaints = await promtoolTest(suites(groups, grow, [group]))
  const noticed = new Set([...complaints.matchAll(/[A-Za-z_:0-9]+_m\d+\b/g)].map(([name]) => name))
  const alive = [...mutants].filter(([name]) => !noticed.has(name))
  score.tried += mutants.size
  score.noticed += mutants.size - alive.length
  return alive.map(([name, { kind, what }]) => `${name} (${kind}): ${what}`)
}

for (const group of groups) {
  test(`every mutant of the rules of ${group.name} is noticed by a case`, needs('prom'), async () => {
    assert.deepEqual(await tryAll(group), [])
  })
}

after(() => {
  if (ONE_IN === 1) console.log(`${score.noticed} of ${score.tried} mutants noticed`)
})
