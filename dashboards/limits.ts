/**
 * The limits that panels draw, read from the alerts themselves: what is red on a dashboard is what fires. Nothing is typed twice.
 */
import type { Alert } from '../src/monitoring/alerts/alert.ts'
import { productionClock } from '../src/monitoring/alerts/clock.ts'
import { ruleGroups } from '../src/monitoring/alerts/index.ts'
import { comparisonsIn, readExpression, substitute, type Comparison } from './expression.ts'
import type { Colour, Panel, Steps } from './model.ts'

const groups = ruleGroups(productionClock)
export const ALERTS: ReadonlyMap<string, Alert> = new Map(
  groups.flatMap(({ alerts = [] }) => alerts.map((alert) => [alert.name, alert] as const)),
)
export const RECORDS: ReadonlyMap<string, string> = new Map(
  groups.flatMap(({ recordings = [] }) => recordings.map(({ record, expr }) => [record, expr] as const)),
)

/** The metrics that an expression comes from, through the records it reads. */
export const sourcesOf = (expr: string): ReadonlySet<string> => {
  const names = readExpression(substitute(expr)).selectors.map(({ metric }) => metric)
  return new Set(
    names.flatMap((name) => [name, ...(RECORDS.has(name) ? sourcesOf(RECORDS.get(name) ?? '') : [])]),
  )
}

const metricsOf = (metrics: readonly string[]): string[] =>
  metrics.flatMap((name) => [name, ...(RECORDS.has(name) ? sourcesOf(RECORDS.get(name) ?? '') : [])])

/** The comparison of an alert that is about what the panel shows; its first when none shares a metric. */
const comparisonFor = (alert: Alert, panel: Panel): Comparison | undefined => {
  const shown = new Set(Object.values(panel.of).flatMap((expr) => [...sourcesOf(expr)]))
  const found = comparisonsIn(alert.expr)
  return found.find(({ metrics }) => metricsOf(metrics).some((name) => shown.has(name))) ?? found[0]
}

/** The smallest step above: Grafana colours from a value on, a rule fires beyond it. */
const BEYOND = 1e-9

const colourOf = ({ severity }: Alert): Colour =>
  severity === 'critical' ? 'red' : severity === 'warning' ? 'orange' : 'blue'

type Limit = { readonly at: number; readonly colour: Colour; readonly isUpper: boolean }

const limitsOf = (panel: Panel): Limit[] =>
  (panel.limits ?? []).flatMap((name): Limit[] => {
    const alert = ALERTS.get(name)
    const comparison = alert && comparisonFor(alert, panel)
    if (alert === undefined || comparison === undefined) return []
    const { operator, limit } = comparison
    const isUpper = operator.startsWith('>') || (operator === '!=' && limit === 0) || limit > 0
    const at = limit === 0 && operator !== '>=' ? BEYOND : limit
    return [{ at, colour: colourOf(alert), isUpper: operator.startsWith('<') ? false : isUpper }]
  })

/** Colours from the limits of a panel's alerts; from its own steps when it names no alert that has a limit. */
export const stepsOf = (panel: Panel): Steps | null => {
  const limits = limitsOf(panel).sort((a, b) => a.at - b.at)
  const [first] = limits
  if (first === undefined) return panel.steps ?? null
  if (first.isUpper) return ['green', ...limits.map(({ at, colour }) => [at, colour] as const)]
  const rising = limits.map(({ at }, i) => [at, limits[i + 1]?.colour ?? 'green'] as const)
  return [first.colour, ...rising]
}
