/**
 * What an alert is, as data: Prometheus' rule files, the runbook index, docs/alerts.md, the drills and `millrace doctor` are all
 * made from it. Time is a parameter, so that a drill runs the very same rules with a shorter day.
 */
import type { ServiceName } from '../status.ts'

/** Turns seconds of an operator's day into PromQL. A drill passes one that runs faster. */
export type Clock = {
  /** A range or `for`: `range(300)` is `5m`. */
  readonly range: (seconds: number) => string
  /** A number of seconds to compare a value with: `value(60)` is `60`. */
  readonly value: (seconds: number) => number
}

export const SEVERITIES = ['critical', 'warning', 'info', 'none'] as const
/** `critical` wakes somebody, `warning` is for working hours, `info` is only worth a look beside another, `none` is machinery. */
export type Severity = (typeof SEVERITIES)[number]

/**
 * What an alert is about; the label `service` by which alerts are grouped and inhibited. `target`: whatever service the target
 * belongs to, by the label of its scrape job.
 */
export type Subject = ServiceName | 'store' | 'database' | 'pipeline' | 'monitoring' | 'target'

export const DASHBOARDS = {
  overview: 'millrace-overview',
  systemHealth: 'millrace-system-health',
  performance: 'millrace-performance',
  ingester: 'millrace-ingester',
  backfiller: 'millrace-backfiller',
  indexer: 'millrace-indexer',
} as const
export type DashboardName = keyof typeof DASHBOARDS

export type Alert = {
  /** UpperCamelCase; also the name of its runbook, docs/runbooks/<name>.md. */
  readonly name: string
  readonly expr: string
  /** How long the condition has to hold, in seconds of an operator's day; 0 fires at once. */
  readonly forSeconds: number
  readonly keepFiringForSeconds?: number
  readonly severity: Severity
  readonly service: Subject
  /** One line with the value in it (`{{ $value | humanize }}`). */
  readonly summary: string
  /** What it means, and the first thing to check. */
  readonly description: string
  readonly dashboard: DashboardName
  /** Kept word for word from the seed's document: no labels or annotations that would change what it says. */
  readonly verbatim?: true
}

export type Recording = { readonly record: string; readonly expr: string; readonly help: string }

export type RuleGroup = {
  readonly name: string
  readonly recordings?: readonly Recording[]
  readonly alerts?: readonly Alert[]
}
