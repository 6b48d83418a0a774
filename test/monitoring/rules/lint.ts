/**
 * What a rule must not do, told by its own text, before any Prometheus runs it. Returns one sentence per fault. The metrics that
 * exist are those declared in src, those recorded, and the few of Prometheus itself that are listed here.
 */
import { labelsOf } from '../../../src/monitoring/alerts/labels.ts'
import { TARGET_LABELS, withRecordings } from '../../../src/monitoring/alerts/annotations.ts'
import type { Alert, RuleGroup } from '../../../src/monitoring/alerts/alert.ts'
import {
  type Expression,
  type Node,
  nodesOf,
  parseExpression,
  type Selector,
  selectorsOf,
  textOf,
} from '../../../src/monitoring/alerts/promql.ts'
import type { MetricSpec } from '../../../src/monitoring/metrics.ts'

type Known = {
  readonly type: MetricSpec['type'] | 'recorded'
  readonly labels: Readonly<Record<string, readonly string[] | null>>
}
export type Catalogue = ReadonlyMap<string, Known>

/** Of Prometheus and of the client's defaults; null: values are not ours to know. */
const BUILT_IN: Readonly<Record<string, Known>> = {
  up: { type: 'gauge', labels: {} },
  scrape_duration_seconds: { type: 'gauge', labels: {} },
  ALERTS: { type: 'gauge', labels: { alertname: null, alertstate: null, severity: null } },
  process_start_time_seconds: { type: 'gauge', labels: {} },
  prometheus_rule_evaluation_failures_total: { type: 'counter', labels: { rule_group: null } },
  prometheus_notifications_alertmanagers_discovered: { type: 'gauge', labels: {} },
  prometheus_config_last_reload_successful: { type: 'gauge', labels: {} },
  prometheus_notifications_errors_total: { type: 'counter', labels: { alertmanager: null } },
  prometheus_notifications_sent_total: { type: 'counter', labels: { alertmanager: null } },
}

/** Labels whose values come from settings. */
const CONFIGURED = new Set(['host', 'stream', 'version', 'commit', 'service'])

const known = (spec: MetricSpec): [string, Known][] => {
  const labels = Object.fromEntries(
    Object.entries(spec.labels ?? {}).map(([name, values]) => [name, CONFIGURED.has(name) ? null : values]),
  )
  if (spec.type !== 'histogram') return [[spec.name, { type: spec.type, labels }]]
  const le = [...(spec.buckets ?? []).map(String), '+Inf']
  return [
    [`${spec.name}_bucket`, { type: 'counter', labels: { ...labels, le } }],
    [`${spec.name}_sum`, { type: 'counter', labels }],
    [`${spec.name}_count`, { type: 'counter', labels }],
  ]
}

export const catalogueOf = (specs: readonly MetricSpec[], groups: readonly RuleGroup[]): Catalogue => {
  const declared = new Map<string, Known>([...Object.entries(BUILT_IN), ...specs.flatMap(known)])
  const labelsOfMetric = withRecordings(groups, (metric) => Object.keys(declared.get(metric)?.labels ?? {}))
  const recorded = groups
    .flatMap(({ recordings = [] }) => recordings)
    .map(({ record }): [string, Known] => [
      record,
      { type: 'recorded', labels: Object.fromEntries(labelsOfMetric(record).map((label) => [label, null])) },
    ])
  return new Map([...declared, ...recorded])
}

const OF_COUNTERS = ['rate', 'increase', 'irate', 'resets']
const OF_GAUGES = ['deriv', 'delta', 'idelta', 'predict_linear']
const SCRAPE_SECONDS = 15

const seconds = (range: string): number => {
  const [, count = '', unit = ''] = /^(\d+)([a-z]+)$/.exec(range) ?? []
  return Number(count) * ({ s: 1, m: 60, h: 3_600, d: 86_400 }[unit] ?? Number.NaN)
}

const selectorFaults = (selector: Selector, catalogue: Catalogue): string[] => {
  const { metric, range, within, presence } = selector
  const found = catalogue.get(metric)
  if (found === undefined) return [`nobody exports ${metric}`]
  const inner = within[0] ?? ''
  const faults = [
    [
      found.type === 'counter' && !presence && !OF_COUNTERS.includes(inner),
      `${metric} is a counter read raw`,
    ],
    [found.type !== 'counter' && OF_COUNTERS.includes(inner), `${inner}() of ${metric}, which is no counter`],
    [found.type === 'counter' && OF_GAUGES.includes(inner), `${inner}() of the counter ${metric}`],
    [
      range !== null && !(seconds(range) >= 2 * SCRAPE_SECONDS),
      `[${range}] of ${metric} is less than two scrapes`,
    ],
  ] as const
  return [...faults.flatMap(([bad, sentence]) => (bad ? [sentence] : [])), ...matcherFaults(selector, found)]
}

const matcherFaults = ({ metric, matchers }: Selector, { labels }: Known): string[] =>
  matchers.flatMap(({ label: name, op, value }) => {
    const label = name.replace(/^exported_/, '')
    if (label === 'le' && !op.includes('~') && /^\d+$/.test(value))
      return [`${metric} has le="${value}.0" in Prometheus 3: match both`]
    const ofTarget = (TARGET_LABELS as readonly string[]).includes(label)
    if (ofTarget && !Object.hasOwn(labels, label)) return []
    if (ofTarget && !metInBothForms(matchers, label, value)) {
      return [`${metric} calls its own ${label} exported_${label} where the target has one: exclude both`]
    }
    if (!Object.hasOwn(labels, label)) return [`${metric} has no label ${label}`]
    const values = labels[label]
    if (!values) return []
    const pattern = op.includes('~') ? new RegExp(`^(?:${value})$`) : null
    const matched = values.some((each) => (pattern ? pattern.test(each) : each === value))
    return matched ? [] : [`${metric} never has ${label} ${op} ${value}`]
  })

/** An exclusion under both names is right whoever wins. */
const metInBothForms = (matchers: Selector['matchers'], label: string, value: string): boolean =>
  [label, `exported_${label}`].every((name) =>
    matchers.some((each) => each.label === name && each.op.startsWith('!') && each.value === value),
  )

/** A result is split by a label that the target has too only where both names of it are given. */
const groupingFaults = (
  expression: Expression,
  selectors: readonly Selector[],
  catalogue: Catalogue,
): string[] => {
  const own = new Set(selectors.flatMap(({ metric }) => Object.keys(catalogue.get(metric)?.labels ?? {})))
  const shared = TARGET_LABELS.filter((label) => own.has(label))
  return nodesOf(expression, 'GroupingLabels').flatMap((node) => {
    const named = textOf(expression, node).split(/[^\w]+/)
    return shared
      .filter((label) => named.includes(label) && !named.includes(`exported_${label}`))
      .map((label) => `it is split by ${label}, which the target has too: name exported_${label} beside it`)
  })
}

/** The function of which `node` is an argument. */
const functionAround = (expression: Expression, node: Node): string => {
  const call = node.parent?.parent
  return call?.name === 'FunctionCall' && call.firstChild ? textOf(expression, call.firstChild) : ''
}

/** Faults of an expression, whoever it belongs to. */
export const expressionFaults = (expr: string, catalogue: Catalogue): string[] => {
  const expression = parseExpression(expr)
  const selectors = selectorsOf(expression)
  const rateOfSum = selectors.some(({ within }) => {
    const rate = within.findIndex((name) => OF_COUNTERS.includes(name))
    return rate > 0
  })
  const subqueries = nodesOf(expression, 'SubqueryExpr').some((node) =>
    OF_COUNTERS.includes(functionAround(expression, node)),
  )
  return [
    ...selectors.flatMap((selector) => selectorFaults(selector, catalogue)),
    ...groupingFaults(expression, selectors, catalogue),
    ...(rateOfSum || subqueries ? ['a rate of a sum: it takes a restart for work'] : []),
  ]
}

const templateFaults = (alert: Alert, labels: ReadonlySet<string>): string[] => {
  const named = [...`${alert.summary} ${alert.description}`.matchAll(/\$labels\.(?:exported_)?(\w+)/g)].map(
    ([, name]) => name ?? '',
  )
  const own = new Set([...labels, 'severity', 'service', 'alertname'])
  return [
    ...named
      .filter((name) => !own.has(name))
      .map((name) => `its words name ${name}, which its result has not`),
    ...(alert.summary.includes('{{ $value') || alert.verbatim ? [] : ['its summary does not say the value']),
    ...(/Check first/.test(alert.description) ? [] : ['its description does not say what to check first']),
  ]
}

const COMPARED = ['Eql', 'Neq', 'Gtr', 'Gte', 'Lss', 'Lte']
/** The one alert that is true always. */
const ALWAYS = 'Watchdog'

export const alertFaults = (alert: Alert, catalogue: Catalogue): string[] => {
  const expression = parseExpression(alert.expr)
  const absent = selectorsOf(expression).some(({ within }) => within.includes('absent'))
  const labels = labelsOf(alert.expr, (metric) => {
    const found = catalogue.get(metric)
    const of = Object.keys(found?.labels ?? {})
    return found?.type === 'recorded' ? of : [...TARGET_LABELS, ...of]
  })
  return [
    ...expressionFaults(alert.expr, catalogue),
    ...(nodesOf(expression, ...COMPARED).length > 0 || alert.name === ALWAYS ? [] : ['nothing is compared']),
    ...(absent && alert.forSeconds < 2 * SCRAPE_SECONDS
      ? ['absent() without `for` fires at every restart']
      : []),
    ...templateFaults(alert, labels),
  ]
}

/** Every fault of every rule, with the name of the rule. */
export const ruleFaults = (groups: readonly RuleGroup[], catalogue: Catalogue): string[] => {
  const alerts = groups.flatMap((group) => group.alerts ?? [])
  const recordings = groups.flatMap((group) => group.recordings ?? [])
  const names = [...alerts.map(({ name }) => name), ...recordings.map(({ record }) => record)]
  const twice = names.filter((name, index) => names.indexOf(name) !== index)
  const expressions = alerts.map(({ expr }) => expr)
  return [
    ...alerts.flatMap((alert) => alertFaults(alert, catalogue).map((fault) => `${alert.name}: ${fault}`)),
    ...recordings.flatMap(({ record, expr }) =>
      expressionFaults(expr, catalogue).map((fault) => `${record}: ${fault}`),
    ),
    ...twice.map((name) => `${name}: a name used twice`),
    ...alerts
      .filter(({ expr }, index) => expressions.indexOf(expr) !== index)
      .map(({ name }) => `${name}: the same expression as another alert`),
  ]
}
