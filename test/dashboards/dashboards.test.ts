/** The committed dashboards obey every rule, and every rule sees a copy that breaks it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { DASHBOARD_FILES, metricsByDashboard } from '../../dashboards/index.ts'
import { ALERTS, stepsOf } from '../../dashboards/limits.ts'
import { PAGES, panelsOf } from '../../dashboards/index.ts'
import { SEED_QUERIES } from '../monitoring/seed-queries.ts'
import { DECLARED, knownSeries } from './catalogue.ts'
import {
  committedDashboards,
  type GrafanaDashboard,
  type GrafanaPanel,
  panelsWithData,
  targetsIn,
} from './grafana.ts'
import { LINTER_RULES } from './linter.ts'
import { ownRules } from './own-rules.ts'

const known = await knownSeries()
const RULES = { ...LINTER_RULES, ...ownRules(known) }

for (const [file, make] of Object.entries(DASHBOARD_FILES)) {
  test(`${file} is in step with its source`, () => {
    const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
    assert.ok(text === make(), `${file} is out of step: run \`npm run docs\``)
  })
}

for (const [name, rule] of Object.entries(RULES)) {
  test(`every dashboard obeys: ${name}`, () => {
    for (const dashboard of committedDashboards()) assert.deepEqual(rule(dashboard), [], dashboard.uid)
  })
}

type Break = (dashboard: GrafanaDashboard) => void

const panel = (dashboard: GrafanaDashboard, at = 0): GrafanaPanel => {
  const found = panelsWithData(dashboard)[at]
  assert.ok(found)
  return found
}
const variable = (dashboard: GrafanaDashboard, name: string) => {
  const found = dashboard.templating.list.find((each) => each.name === name)
  assert.ok(found)
  return found
}
const ask =
  (expr: string, legendFormat = ''): Break =>
  (dashboard) =>
    (panel(dashboard).targets = [{ refId: 'A', expr, legendFormat, datasource: { type: 'prometheus' } }])
const of = (metric: string): string => `${metric}{job=~"$job", instance=~"$instance"}`

/** For each rule, what a careless change could do. */
const BREAKS: Readonly<Record<keyof typeof RULES, readonly Break[]>> = {
  'template-datasource-rule': [
    (d) => (variable(d, 'datasource').label = 'DS'),
    (d) => (d.templating.list = d.templating.list.filter(({ type }) => type !== 'datasource')),
  ],
  'template-job-rule': [(d) => (variable(d, 'job').multi = false), (d) => (variable(d, 'job').name = 'jobs')],
  'template-instance-rule': [
    (d) => (variable(d, 'instance').allValue = '.*'),
    (d) => (variable(d, 'instance').datasource = { uid: 'prometheus' }),
  ],
  'template-label-promql-rule': [(d) => (variable(d, 'job').query = { query: 'label_values(up{, job)' })],
  'template-on-time-change-reload-rule': [(d) => (variable(d, 'job').refresh = 1)],
  'panel-datasource-rule': [(d) => (panel(d).datasource = { type: 'prometheus', uid: 'P1' })],
  'panel-title-description-rule': [(d) => (panel(d).description = ''), (d) => (panel(d).title = '')],
  'panel-units-rule': [(d) => (panel(d).fieldConfig = { defaults: { unit: 'evt/s' } })],
  'panel-no-targets-rule': [(d) => (panel(d).targets = [])],
  'target-logql-rule': [
    (d) => (panel(d).targets = [{ refId: 'A', expr: 'up', datasource: { type: 'loki' } }]),
  ],
  'target-logql-auto-rule': [ask('rate(up[$__auto])')],
  'target-promql-rule': [ask('sum(rate(up[5m])'), ask('')],
  'target-rate-interval-rule': [ask(`rate(${of('ingester_frames_total')}[5m])`)],
  'target-job-rule': [ask('up{instance=~"$instance"}'), ask('up{job="$job", instance=~"$instance"}')],
  'target-instance-rule': [ask('up{job=~"$job"}')],
  'target-counter-agg-rule': [ask(`sum(${of('ingester_frames_total')})`)],
  'uneditable-dashboard': [(d) => (d.editable = true)],
  'metrics are known': [ask(of('ingester_frame_total')), ask('stream:entires:max')],
  'labels are known': [ask(`sum by (collection) (${of('up')})`), ask('up{pod="x"}')],
  'legends name labels that are there': [ask(`sum by (job) (${of('up')})`, '{{instance}}')],
  'titles, ids and queries are distinct': [
    (d) => (panel(d, 1).title = panel(d).title),
    (d) => (panel(d, 1).id = panel(d).id),
    (d) => (panel(d, 1).targets = panel(d).targets ?? []),
  ],
  'panels stand apart': [(d) => (panel(d, 1).gridPos = panel(d).gridPos)],
  'runbooks belong to alerts': [
    (d) => (panel(d).links = [{ title: 'Runbook', url: 'https://x/IndexerLate.md' }]),
  ],
  'dashboards link to each other': [(d) => (d.links = []), (d) => (d.tags = ['other'])],
  'deploys, restarts and alerts are marked': [(d) => d.annotations.list.pop()],
}

for (const [name, breaks] of Object.entries(BREAKS)) {
  test(`a broken copy is seen by: ${name}`, () => {
    for (const broken of breaks)
      for (const dashboard of committedDashboards()) {
        broken(dashboard)
        assert.notDeepEqual(RULES[name]?.(dashboard), [], `${dashboard.uid}: ${broken.toString()}`)
      }
  })
}

test('every metric of the catalogue is on a panel', () => {
  const shown = new Set([...metricsByDashboard().values()].flatMap((names) => [...names]))
  assert.deepEqual(
    DECLARED.map(({ name }) => name).filter((name) => !shown.has(name)),
    [],
  )
})

test('every query of the seed is on System Health or Performance, word for word', () => {
  const expressions = committedDashboards()
    .filter(({ uid }) => ['millrace-system-health', 'millrace-performance'].includes(uid))
    .flatMap((dashboard) => targetsIn(dashboard).map(({ target }) => target.expr))
  assert.deepEqual(
    SEED_QUERIES.filter((query) => !expressions.includes(query)),
    [],
  )
})

test('System Health and Performance have the rows of the seed, in its order', () => {
  const rows = committedDashboards().map(({ uid, panels }) => [
    uid,
    panels.filter(({ type }) => type === 'row').map(({ title }) => title),
  ])
  const byUid = Object.fromEntries(rows) as Record<string, string[]>
  assert.deepEqual(byUid['millrace-system-health'], [
    'Service Uptime',
    'Event Throughput',
    'Queue Lengths',
    'Error Rates',
  ])
  assert.deepEqual(byUid['millrace-performance'], [
    'Latency Metrics',
    'Resource Usage',
    'Backpressure Indicators',
  ])
})

test('every alert is linked from a panel, and every alert that a panel draws has a limit to draw', () => {
  const panels = PAGES.flatMap(panelsOf)
  const named = new Set(panels.flatMap(({ limits = [], runbooks = [] }) => [...limits, ...runbooks]))
  assert.deepEqual(
    [...ALERTS.keys()].filter((alert) => !named.has(alert)),
    [],
  )
  for (const each of panels.filter(({ limits = [] }) => limits.length > 0))
    assert.ok((stepsOf(each)?.length ?? 0) > (each.limits?.length ?? 0), each.title)
})
