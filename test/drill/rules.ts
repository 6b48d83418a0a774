/** The production rules on the drills' clock. */
import { stringify } from 'yaml'
import type { Alert } from '../../src/monitoring/alerts/alert.ts'
import { ruleGroups } from '../../src/monitoring/alerts/index.ts'
import { drillClock } from './clock.ts'

const groups = () => ruleGroups(drillClock)

/** Alerts with their expressions on the drills' clock; `for` is still that of an operator's day. */
export const alerts = (): readonly Alert[] => groups().flatMap((group) => group.alerts ?? [])

const alertRule = (alert: Alert) => ({
  alert: alert.name,
  expr: alert.expr,
  ...(alert.forSeconds > 0 ? { for: drillClock.range(alert.forSeconds) } : {}),
  ...(alert.keepFiringForSeconds ? { keep_firing_for: drillClock.range(alert.keepFiringForSeconds) } : {}),
  labels: { severity: alert.severity, service: alert.service },
  annotations: { summary: alert.summary },
})

export const drillRules = (): string =>
  stringify({
    groups: groups().map(({ name, recordings = [], alerts = [] }) => ({
      name,
      rules: [...recordings.map(({ record, expr }) => ({ record, expr })), ...alerts.map(alertRule)],
    })),
  })
