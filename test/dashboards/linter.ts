/**
 * The rules of grafana/dashboard-linter, written anew: its seventeen, by its names. The seed's own expressions are word for word
 * and so exempt where they break one; series that belong to no job (recorded over all of them, alerts) cannot be asked for one.
 */
import * as units from '@grafana/grafana-foundation-sdk/units'
import { readExpression, substitute, type Selector } from '../../dashboards/expression.ts'
import { SEED_QUERIES } from '../monitoring/seed-queries.ts'
import { type GrafanaDashboard, panelsWithData, targetsIn, type Variable } from './grafana.ts'

/** One sentence for each thing that is wrong. */
export type Rule = (dashboard: GrafanaDashboard) => string[]

const UNITS: ReadonlySet<unknown> = new Set(Object.values(units))
const VERBATIM: ReadonlySet<string> = new Set(SEED_QUERIES)

const variable = ({ templating }: GrafanaDashboard, name: string): Variable | undefined =>
  templating.list.find((each) => each.name === name)

const offersAll =
  (name: string): Rule =>
  (dashboard) => {
    const found = variable(dashboard, name)
    if (found === undefined) return [`there is no variable ${name}`]
    return [
      ...(found.datasource?.uid === '${datasource}' ? [] : [`${name} asks a fixed data source`]),
      ...(found.type === 'query' ? [] : [`${name} is not a query`]),
      ...(found.label === name ? [] : [`${name} is labelled otherwise`]),
      ...(found.multi === true ? [] : [`${name} takes one value only`]),
      ...(found.allValue === '.+' ? [] : [`${name} has no value for All`]),
    ]
  }

const templatedDatasource: Rule = ({ templating }) => {
  const found = templating.list.filter(({ type }) => type === 'datasource')
  const [only] = found
  if (only === undefined || found.length > 1) return ['there is not one variable for the data source']
  return only.name === 'datasource' && only.label === 'Data source' && only.query === 'prometheus'
    ? []
    : [`the data source's variable is ${only.name}, "${only.label}"`]
}

const queries = ({ templating }: GrafanaDashboard): Variable[] =>
  templating.list.filter(({ type }) => type === 'query')

const labelPromql: Rule = (dashboard) =>
  queries(dashboard).flatMap(({ name, query }) => {
    const text = typeof query === 'string' ? query : (query?.query ?? '')
    const inner = /^label_values\((.+), (\w+)\)$/.exec(text)?.[1]
    return inner === undefined || readExpression(substitute(inner)).errors.length > 0
      ? [`${name}: ${text} is not a query of label values`]
      : []
  })

const reloads: Rule = (dashboard) =>
  queries(dashboard)
    .filter(({ refresh }) => refresh !== 2)
    .map(({ name }) => `${name} keeps old values when the time changes`)

const panelDatasource: Rule = (dashboard) =>
  panelsWithData(dashboard)
    .filter(({ datasource }) => datasource?.uid !== '${datasource}')
    .map(({ title }) => `${title} asks a fixed data source`)

const titled: Rule = (dashboard) =>
  panelsWithData(dashboard)
    .filter(({ title, description }) => title === '' || (description ?? '') === '')
    .map(({ id, title }) => `panel ${id} "${title}" lacks a title or a description`)

const united: Rule = (dashboard) =>
  panelsWithData(dashboard)
    .filter(({ fieldConfig }) => !UNITS.has(fieldConfig?.defaults.unit))
    .map(({ title, fieldConfig }) => `${title}: ${fieldConfig?.defaults.unit} is no unit of Grafana's`)

const asking: Rule = (dashboard) =>
  panelsWithData(dashboard)
    .filter(({ targets = [] }) => targets.length === 0)
    .map(({ title }) => `${title} asks nothing`)

/** Nothing here asks Loki: its two rules hold when every target asks Prometheus. */
const prometheusOnly: Rule = (dashboard) =>
  targetsIn(dashboard)
    .filter(({ target }) => target.datasource?.type !== 'prometheus')
    .map(({ panel }) => `${panel.title} asks something else than Prometheus`)

const noLogInterval: Rule = (dashboard) =>
  targetsIn(dashboard)
    .filter(({ target }) => target.expr.includes('$__auto'))
    .map(({ panel }) => `${panel.title} uses the range of another language`)

const parses: Rule = (dashboard) =>
  targetsIn(dashboard).flatMap(({ panel, target }) =>
    readExpression(substitute(target.expr)).errors.map((error) => `${panel.title}: ${error}`),
  )

const selectorsOf = (dashboard: GrafanaDashboard): { title: string; selector: Selector }[] =>
  targetsIn(dashboard)
    .filter(({ target }) => !VERBATIM.has(target.expr))
    .flatMap(({ panel, target }) =>
      readExpression(target.expr.replaceAll('$__rate_interval', '314159s')).selectors.map((selector) => ({
        title: panel.title,
        selector,
      })),
    )

const belongsToNoJob = ({ metric }: Selector): boolean => metric === 'ALERTS' || metric.includes(':')

const selects =
  (label: string): Rule =>
  (dashboard) =>
    selectorsOf(dashboard)
      .filter(({ selector }) => !belongsToNoJob(selector))
      .filter(({ selector }) => !selector.matchers.includes(`${label}=~"$${label}"`))
      .map(({ title, selector }) => `${title}: ${selector.metric} is not of the selected ${label}`)

const RATES = ['rate', 'irate', 'increase']

const rateInterval: Rule = (dashboard) =>
  selectorsOf(dashboard)
    .filter(({ selector }) => selector.range !== null && RATES.includes(selector.within[0] ?? ''))
    .filter(({ selector }) => selector.range !== '314159s')
    .map(({ title, selector }) => `${title}: ${selector.metric} over [${selector.range}]`)

const countersInRates: Rule = (dashboard) =>
  selectorsOf(dashboard)
    .filter(({ selector }) => /_(total|bucket|sum|count)$/.test(selector.metric))
    .filter(({ selector }) => !RATES.includes(selector.within[0] ?? ''))
    .map(({ title, selector }) => `${title} shows the raw counter ${selector.metric}`)

const uneditable: Rule = ({ editable }) => (editable ? ['it can be edited in the browser'] : [])

export const LINTER_RULES: Readonly<Record<string, Rule>> = {
  'template-datasource-rule': templatedDatasource,
  'template-job-rule': offersAll('job'),
  'template-instance-rule': offersAll('instance'),
  'template-label-promql-rule': labelPromql,
  'template-on-time-change-reload-rule': reloads,
  'panel-datasource-rule': panelDatasource,
  'panel-title-description-rule': titled,
  'panel-units-rule': united,
  'panel-no-targets-rule': asking,
  'target-logql-rule': prometheusOnly,
  'target-logql-auto-rule': noLogInterval,
  'target-promql-rule': parses,
  'target-rate-interval-rule': rateInterval,
  'target-job-rule': selects('job'),
  'target-instance-rule': selects('instance'),
  'target-counter-agg-rule': countersInRates,
  'uneditable-dashboard': uneditable,
}
