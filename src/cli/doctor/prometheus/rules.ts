/** Judges rules and who is told of alerts. Pure. */
import { productionClock } from '../../../monitoring/alerts/clock.ts'
import { ruleGroups } from '../../../monitoring/alerts/index.ts'
import { error, info, ok, warning, type Finding } from '../finding.ts'
import { secondsText, someOf } from '../words.ts'
import type { PrometheusFacts } from './facts.ts'

export const checkRules = (facts: PrometheusFacts): Finding[] => [
  ...checkShipped(facts),
  ...checkErrors(facts),
  ...checkDelays(facts),
  ...checkAlertmanager(facts),
]

const SHIPPED = () => {
  const groups = ruleGroups(productionClock)
  return {
    alerts: groups.flatMap(({ alerts = [] }) => alerts),
    records: groups.flatMap(({ recordings = [] }) => recordings.map(({ record }) => record)),
  }
}

const checkShipped = ({ rules }: PrometheusFacts): Finding[] => {
  const { alerts, records } = SHIPPED()
  const loaded = new Set(rules.map(({ name }) => name))
  const owed = [...new Set([...alerts.map(({ name }) => name), ...records])]
  const missing = owed.filter((name) => !loaded.has(name))
  if (owed.length === 0) return []
  if (missing.length === 0) return [ok('prometheus.rules', `All ${owed.length} shipped rules are loaded.`)]
  const text =
    missing.length === owed.length
      ? `None of the ${owed.length} shipped rules is loaded.`
      : `${missing.length} of ${owed.length} shipped rules are not loaded: ${someOf(missing)}.`
  return [
    warning('prometheus.rules_missing', text, {
      why: 'What they watch for can happen without anybody being told.',
      fix: 'add monitoring/rules/*.yml to rule_files of prometheus.yml, then: curl -X POST <prometheus>/-/reload, or restart it',
    }),
  ]
}

const checkErrors = ({ rules }: PrometheusFacts): Finding[] =>
  rules
    .filter(({ health }) => health === 'err')
    .map(({ name, group, lastError }) =>
      error('prometheus.rule_error', `Rule ${name} (group ${group}) cannot be evaluated: ${lastError}`, {
        why: 'An alert that is not evaluated never fires; a recording that is not leaves its panels empty.',
        fix: 'promtool check rules <file>   # then ask its expression in the web interface of Prometheus',
      }),
    )

/** An alert of ours that waits longer than we ship it was changed by somebody, perhaps for good. */
const checkDelays = ({ rules }: PrometheusFacts): Finding[] => {
  const shipped = new Map(SHIPPED().alerts.map(({ name, forSeconds }) => [name, forSeconds]))
  const slower = rules.filter(
    ({ name, type, forSeconds }) => type === 'alerting' && forSeconds > (shipped.get(name) ?? Infinity),
  )
  return slower.length === 0
    ? []
    : [
        info(
          'prometheus.rule_for',
          `Alerts that wait longer than as shipped: ${someOf(slower.map(({ name, forSeconds }) => `${name} (${secondsText(forSeconds)})`))}.`,
        ),
      ]
}

const checkAlertmanager = ({ alertmanagers, rules }: PrometheusFacts): Finding[] => {
  if (alertmanagers.length > 0)
    return [
      ok('prometheus.alertmanager', `Alerts go to ${someOf(alertmanagers.map((url) => new URL(url).host))}.`),
    ]
  if (!rules.some(({ type }) => type === 'alerting')) return []
  return [
    warning('prometheus.alertmanager', 'No Alertmanager is connected.', {
      why: 'Alerts fire and nobody is told.',
      fix: 'name it under alerting: in prometheus.yml; does it run? curl -s http://localhost:9093/-/ready',
    }),
  ]
}
