/** What every dashboard has around its panels: the variables, the marks of deploys, restarts and alerts, the way to the others. */
import {
  AnnotationQueryBuilder,
  DashboardLinkBuilder,
  DashboardLinkType,
  DatasourceVariableBuilder,
  QueryVariableBuilder,
  VariableRefresh,
  VariableSort,
} from '@grafana/grafana-foundation-sdk/dashboard'
import { DOCS_URL } from '../src/monitoring/alerts/annotations.ts'
import { own } from './promql.ts'
import type { Page } from './model.ts'

/** Every panel asks the data source that the viewer picks. */
export const DATASOURCE = { type: 'prometheus', uid: '${datasource}' }
/** What the dashboards share in Grafana's search, and by which they link to each other. */
export const TAG = 'millrace'
export const RUNBOOKS = `${DOCS_URL}/runbooks`

const labelValues = (name: string, metric: string, first?: string): QueryVariableBuilder =>
  new QueryVariableBuilder(name)
    .label(name)
    .datasource(DATASOURCE)
    .query({ query: `label_values(${metric}, ${name})`, refId: name })
    .definition(`label_values(${metric}, ${name})`)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc)
    .multi(true)
    .includeAll(true)
    .allValue('.+')
    .current({ selected: true, text: [first ?? 'All'], value: [first ?? '$__all'] })

export const variablesOf = ({ jobsWith, job, hostsOf }: Page) => [
  new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
  labelValues('job', jobsWith, job),
  labelValues('instance', `${jobsWith}{job=~"$job"}`),
  ...(hostsOf === undefined ? [] : [labelValues('host', own(hostsOf))]),
]

const build = 'sum by (service, version, commit) (build_info{job=~"$job", instance=~"$instance"})'

const mark = (name: string, colour: string, expr: string) =>
  new AnnotationQueryBuilder()
    .name(name)
    .datasource(DATASOURCE)
    .enable(true)
    .iconColor(colour)
    .expr(expr)
    .step('30s')

export const annotations = () => [
  mark('Deploys', 'blue', `${build} unless ${build.replace(/\)$/, ' offset 1m)')}`)
    .titleFormat('{{service}} {{version}}')
    .textFormat('A build that was not running a minute before: {{commit}}'),
  mark('Restarts', 'purple', `changes(${own('process_start_time_seconds')}[1m]) > 0`)
    .titleFormat('{{job}} restarted')
    .textFormat('{{instance}} is a new process'),
  mark('Firing alerts', 'red', 'ALERTS{alertstate="firing", severity=~"critical|warning"}')
    .titleFormat('{{alertname}}')
    .textFormat('{{severity}}, {{service}}'),
]

/** The other dashboards, with the time and the selection kept. */
export const links = () => [
  new DashboardLinkBuilder('Millrace')
    .type(DashboardLinkType.Dashboards)
    .tags([TAG])
    .includeVars(true)
    .keepTime(true),
]

export const runbookLinks = (alerts: readonly string[]) =>
  alerts.map((alert) =>
    new DashboardLinkBuilder(`Runbook: ${alert}`)
      .type(DashboardLinkType.Link)
      .url(`${RUNBOOKS}/${alert}.md`)
      .targetBlank(true),
  )
