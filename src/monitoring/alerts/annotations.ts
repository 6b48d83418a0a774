/** The words and links that go with an alert, and its labels, as Prometheus gets them. */
import { type Alert, type Clock, DASHBOARDS, type RuleGroup } from './alert.ts'
import { labelsOf, type LabelsOfMetric } from './labels.ts'

/** Where people read these pages. The one place that knows. */
export const DOCS_URL = 'https://github.com/millrace/millrace/blob/main/docs'
/** Grafana on the seed's port. */
export const GRAFANA_URL = 'http://localhost:3001'

/** Labels that a scrape job of monitoring/prometheus.yml puts on every series. */
export const TARGET_LABELS = ['job', 'instance', 'service', 'type'] as const

/** Labels of scraped and recorded series alike; `declared` knows those of the metrics. */
export const withRecordings = (
  groups: readonly RuleGroup[],
  declared: LabelsOfMetric = () => [],
): LabelsOfMetric => {
  const known = new Map<string, readonly string[]>()
  const labelsOfMetric: LabelsOfMetric = (metric) =>
    known.get(metric) ?? [...TARGET_LABELS, ...declared(metric)]
  for (const { record, expr } of groups.flatMap(({ recordings = [] }) => recordings)) {
    known.set(record, [...labelsOf(expr, labelsOfMetric)])
  }
  return labelsOfMetric
}

export const labelsFor = (alert: Alert): Record<string, string> => ({
  severity: alert.severity,
  ...(alert.verbatim !== true && alert.service !== 'target' && { service: alert.service }),
})

/** The seed's three keep their one annotation; links change no words. */
export const annotationsFor = (alert: Alert, labelsOfMetric: LabelsOfMetric): Record<string, string> => {
  const perInstance = labelsOf(alert.expr, labelsOfMetric).has('instance')
  const instance = perInstance ? '{{ $labels.instance }}' : '$__all'
  return {
    summary: alert.summary,
    ...(alert.verbatim !== true && { description: alert.description }),
    runbook_url: `${DOCS_URL}/runbooks/${alert.name}.md`,
    dashboard: `${GRAFANA_URL}/d/${DASHBOARDS[alert.dashboard]}?var-instance=${instance}`,
  }
}

export type Timing = {
  readonly scrape: number
  readonly evaluation: number
  /** Seconds Alertmanager waits for company before it tells the first of a group. */
  readonly groupWait: (alert: Alert) => number
}

const seconds = (duration: string): number => {
  const units: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3_600, d: 86_400 }
  const [, count = '0', unit = 's'] = /^([\d.]+)([a-z]+)$/.exec(duration) ?? []
  return Number(count) * (units[unit] ?? Number.NaN)
}

/** Whether a rule reads a recorded series, which is an evaluation old. */
export const readsRecording = (expr: string): boolean =>
  /\b[a-z_]+:[a-z_]+(:[a-z_0-9]+)?\b/.test(expr.replaceAll(/"[^"]*"/g, ''))

/**
 * The longest time from the moment the condition is true to the moment somebody is told: a scrape sees it, an evaluation reads
 * it (two where it reads a recording), `for` passes in whole evaluations, Alertmanager waits for its group.
 */
export const detectionSeconds = (alert: Alert, clock: Clock, timing: Timing): number => {
  const recorded = readsRecording(alert.expr)
  const evaluations = Math.ceil(seconds(clock.range(alert.forSeconds)) / timing.evaluation)
  return timing.scrape + (1 + (recorded ? 1 : 0) + evaluations) * timing.evaluation + timing.groupWait(alert)
}
