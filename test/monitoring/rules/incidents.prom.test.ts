/** The museum of incidents: all rules together on the series of each, by the real promtool. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { productionClock } from '../../../src/monitoring/alerts/clock.ts'
import { ruleGroups } from '../../../src/monitoring/alerts/index.ts'
import { needs } from '../../harness/services.ts'
import { type Incident, INCIDENTS } from './incidents.ts'
import { firingTest, promtoolTest } from './promtool.ts'
import { allRules } from './suites.ts'

const rules = allRules(ruleGroups(productionClock))
const SEED = ['BackfillerHighErrorRate', 'IndexerConsumerGroupLag', 'IngesterBackpressure']

const replay = ({ input, fires }: Incident): Promise<string> =>
  promtoolTest([{ rules, step: 15, tests: [firingTest(input, fires, 55)] }])

for (const incident of INCIDENTS) {
  const seeds = incident.fires.filter((name) => SEED.includes(name))
  test(`${incident.says}: the seed says ${seeds.join(' and ') || 'nothing'}`, needs('prom'), async () => {
    assert.equal(await replay(incident), '')
  })
}

test('a museum that expects the wrong alert is found out', needs('prom'), async () => {
  const [healthy] = INCIDENTS
  assert.ok(healthy)
  assert.match(await replay({ ...healthy, fires: ['IndexerStuck'] }), /IndexerStuck/)
})
