/** What we ask of a dashboard beyond the linter's rules: nothing unknown, nothing twice, nothing on top of something else. */
import { readExpression, substitute } from '../../dashboards/expression.ts'
import { ALERTS } from '../../dashboards/limits.ts'
import type { Series } from './catalogue.ts'
import { type GrafanaDashboard, panelsWithData, targetsIn } from './grafana.ts'
import type { Rule } from './linter.ts'

const repeated = <T>(values: readonly T[]): T[] => [
  ...new Set(values.filter((value, i) => values.indexOf(value) < i)),
]

const expressionsOf = (dashboard: GrafanaDashboard): { where: string; expr: string }[] => [
  ...targetsIn(dashboard).map(({ panel, target }) => ({ where: panel.title, expr: target.expr })),
  ...dashboard.annotations.list.map(({ name, expr }) => ({ where: name, expr })),
]

const knownMetrics =
  (known: ReadonlyMap<string, Series>): Rule =>
  (dashboard) =>
    expressionsOf(dashboard).flatMap(({ where, expr }) =>
      readExpression(substitute(expr))
        .selectors.filter(({ metric }) => !known.has(metric))
        .map(({ metric }) => `${where}: nobody exports ${metric}`),
    )

/** Labels of an expression belong to a metric in it; two are of its own making. */
const knownLabels =
  (known: ReadonlyMap<string, Series>): Rule =>
  (dashboard) =>
    expressionsOf(dashboard).flatMap(({ where, expr }) => {
      const { selectors, labels } = readExpression(substitute(expr))
      const may = new Set(selectors.flatMap(({ metric }) => [...(known.get(metric)?.labels ?? [])]))
      return labels
        .filter((label) => !may.has(label))
        .map((label) => `${where}: no metric in it has the label ${label}`)
    })

const legendsNameLabels: Rule = (dashboard) =>
  targetsIn(dashboard).flatMap(({ panel, target }) => {
    const used = [...(target.legendFormat ?? '').matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label)
    const grouped = [...target.expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) =>
      list.split(/,\s*/),
    )
    return used
      .filter((label) => grouped.length > 0 && !grouped.includes(label))
      .map((label) => `${panel.title}: the legend names ${label}, which the expression took away`)
  })

const distinct: Rule = (dashboard) => [
  ...repeated(dashboard.panels.map(({ title }) => title)).map((title) => `two panels are called ${title}`),
  ...repeated(dashboard.panels.map(({ id }) => id)).map((id) => `two panels have the id ${id}`),
  ...repeated(targetsIn(dashboard).map(({ target }) => target.expr)).map((expr) => `asked twice: ${expr}`),
]

const apart: Rule = ({ panels }) =>
  panels.flatMap((one, i) =>
    panels.slice(i + 1).flatMap((other) => {
      const [a, b] = [one.gridPos, other.gridPos]
      const beside = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y
      return beside && a.x + a.w <= 24 ? [] : [`${one.title} and ${other.title} stand on one another`]
    }),
  )

const linkedRunbooks: Rule = (dashboard) =>
  panelsWithData(dashboard).flatMap(({ title, links = [] }) =>
    links
      .map(({ url = '' }) => /\/([A-Za-z]+)\.md$/.exec(url)?.[1] ?? url)
      .filter((alert) => !ALERTS.has(alert))
      .map((alert) => `${title} links to the runbook of ${alert}, which is no alert`),
  )

const linkedDashboards: Rule = ({ links, tags }) =>
  links.some((link) => link.type === 'dashboards' && link.tags.every((tag) => tags.includes(tag)))
    ? []
    : ['there is no way to the other dashboards']

const marks: Rule = ({ annotations }) =>
  ['Deploys', 'Restarts', 'Firing alerts']
    .filter((name) => !annotations.list.some((mark) => mark.name === name))
    .map((name) => `nothing marks ${name}`)

export const ownRules = (known: ReadonlyMap<string, Series>): Readonly<Record<string, Rule>> => ({
  'metrics are known': knownMetrics(known),
  'labels are known': knownLabels(known),
  'legends name labels that are there': legendsNameLabels,
  'titles, ids and queries are distinct': distinct,
  'panels stand apart': apart,
  'runbooks belong to alerts': linkedRunbooks,
  'dashboards link to each other': linkedDashboards,
  'deploys, restarts and alerts are marked': marks,
})
