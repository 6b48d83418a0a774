/**
 * The rules every metric declaration obeys, and the check that a scrape shows what was declared. Pure: values in, sentences
 * out. A rule that needs an exception names it here.
 */
import { CONTRACT } from './contract.ts'
import { parseExposition } from './exposition.ts'
import { combinations, type MetricSpec } from './metrics.ts'

/** Beyond this many series one metric costs more to keep than it tells. */
const MAX_SERIES = 200
const MAX_LABELS = 3

/** Labels whose values nobody can list are how a monitored service takes its own monitoring down. */
const OPEN_LABELS = new Set(['did', 'handle', 'uri', 'cid', 'rkey', 'url', 'path', 'error', 'message'])
/** Prometheus sets these itself on every series; ours would arrive as `exported_…`. */
const RESERVED_LABELS = new Set(['job', 'instance', 'le', 'quantile'])

const UNIT_ABBREVIATION =
  /_(ms|millis|milliseconds|microseconds|us|ns|minutes|hours|kb|mb|gb|kilobytes|megabytes|percent)(_total)?$/
const NAME = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/

const CONTRACT_NAMES = new Set(Object.values(CONTRACT).flatMap((metrics) => metrics.map(({ name }) => name)))

/** What is wrong with the declarations of one service, one sentence each; empty when all is well. */
export const checkDeclarations = (specs: readonly MetricSpec[]): readonly string[] => {
  const seen = new Set<string>()
  return specs.flatMap((spec) => {
    const repeated = seen.has(spec.name) ? [`${spec.name} is declared twice`] : []
    seen.add(spec.name)
    return [...repeated, ...checkWords(spec), ...checkName(spec), ...checkLabels(spec), ...checkShape(spec)]
  })
}

const checkWords = ({ name, help, cause }: MetricSpec): string[] => [
  ...(help.trim().length < 10 ? [`${name} needs a help text that says what it counts or measures`] : []),
  ...(cause.trim().length < 5 ? [`${name} needs a cause: what has to happen for it to move`] : []),
]

const checkName = ({ name, type }: MetricSpec): string[] => {
  if (!NAME.test(name)) return [`${name} is not lower-case words joined by single underscores`]
  if (CONTRACT_NAMES.has(name)) return []
  const total = name.endsWith('_total')
  return [
    ...(type === 'counter' && !total ? [`${name} is a counter: its name must end in _total`] : []),
    ...(type !== 'counter' && total ? [`${name} ends in _total but is a ${type}`] : []),
    ...(UNIT_ABBREVIATION.test(name) ? [`${name} must use a base unit: _seconds, _bytes or _ratio`] : []),
    ...(type === 'histogram' && !/_(seconds|bytes|ratio|events|entries|rows|records)$/.test(name)
      ? [
          `${name} is a histogram: its name must end in the unit it measures, such as _seconds, _bytes or _events`,
        ]
      : []),
    ...(/_(count|sum|bucket)$/.test(name) ? [`${name} ends in a suffix that histograms own`] : []),
  ]
}

const checkLabels = ({ name, labels = {} }: MetricSpec): string[] => {
  const entries = Object.entries(labels)
  const series = entries.reduce((product, [, values]) => product * values.length, 1)
  return [
    ...(entries.length > MAX_LABELS ? [`${name} has ${entries.length} labels; ${MAX_LABELS} at most`] : []),
    ...(series > MAX_SERIES ? [`${name} makes ${series} series; ${MAX_SERIES} at most`] : []),
    ...entries.flatMap(([label, values]) => [
      ...(NAME.test(label) ? [] : [`${name}: the label ${label} is not lower-case words`]),
      ...(OPEN_LABELS.has(label) ? [`${name}: the values of the label ${label} have no end`] : []),
      ...(RESERVED_LABELS.has(label) ? [`${name}: the label ${label} belongs to Prometheus`] : []),
      ...(values.length === 0
        ? [`${name}: the label ${label} has no values, so no series exists at boot`]
        : []),
      ...(new Set(values).size < values.length ? [`${name}: the label ${label} names a value twice`] : []),
    ]),
  ]
}

const checkShape = ({ name, type, buckets, collect }: MetricSpec): string[] => [
  ...(collect && type !== 'gauge' ? [`${name}: only a gauge is read at scrape time`] : []),
  ...(buckets && type !== 'histogram' ? [`${name} has buckets but is a ${type}`] : []),
  ...(buckets && buckets.some((bound, i) => i > 0 && bound <= (buckets[i - 1] ?? bound))
    ? [`${name}: the buckets must rise`]
    : []),
]

/** The declared series that a text-format scrape lacks, as `name{label="value"}`; at boot this must be empty. */
export const missingFromScrape = (text: string, specs: readonly MetricSpec[]): readonly string[] => {
  const present = new Set(
    parseExposition(text).map(({ name, labels }) => seriesKey(name, Object.entries(labels))),
  )
  return specs.flatMap((spec) => expectedSeries(spec).filter((series) => !present.has(series)))
}

const expectedSeries = ({ name, type, labels }: MetricSpec): string[] =>
  combinations(labels).map((values) =>
    seriesKey(type === 'histogram' ? `${name}_count` : name, Object.entries(values)),
  )

const seriesKey = (name: string, labels: readonly (readonly [string, string])[]): string => {
  const sorted = labels.map(([label, value]) => `${label}="${value}"`).sort()
  return sorted.length === 0 ? name : `${name}{${sorted.join(',')}}`
}
