/** Every rule on its cases, by the real promtool. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ruleGroups } from '../../../src/monitoring/alerts/index.ts'
import { productionClock } from '../../../src/monitoring/alerts/clock.ts'
import { needs } from '../../harness/services.ts'
import { ALERT_CASES, RECORDING_CASES } from './cases.ts'
import { promtoolTest } from './promtool.ts'
import { suites } from './suites.ts'

const groups = ruleGroups(productionClock)

test('promtool finds every rule to do what its cases say', needs('prom'), async () => {
  assert.equal(await promtoolTest(suites(groups)), '')
})

test('every alert has a case in which it fires and resolves, and a moment just below; every recording has a value', () => {
  for (const { name } of groups.flatMap(({ alerts = [] }) => alerts)) {
    const cases = ALERT_CASES.filter(({ alert }) => alert === name)
    const resolves = cases.some(({ fires = [], silent = [] }) => Math.max(...silent) > Math.min(...fires))
    const before = cases.some(({ fires = [], silent = [] }) => Math.min(...silent) < Math.min(...fires))
    const never = name === 'Watchdog'
    assert.ok(
      cases.some(({ fires = [] }) => fires.length > 0),
      `${name} never fires`,
    )
    assert.ok(resolves || never, `${name} never resolves`)
    assert.ok(before || never, `${name} is never silent before it fires`)
  }
  for (const { record } of groups.flatMap(({ recordings = [] }) => recordings)) {
    assert.ok(
      RECORDING_CASES.some((each) => each.record === record),
      `${record} has no case`,
    )
  }
})

test('every case is about a rule that exists', () => {
  const names = new Set(
    groups.flatMap(({ alerts = [], recordings = [] }) => [
      ...alerts.map(({ name }) => name),
      ...recordings.map(({ record }) => record),
    ]),
  )
  for (const { alert } of ALERT_CASES) assert.ok(names.has(alert), alert)
  for (const { record } of RECORDING_CASES) assert.ok(names.has(record), record)
})
