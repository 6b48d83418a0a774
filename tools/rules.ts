/** Prometheus' rule files, made from src/monitoring/alerts: one file per group, readable, with what a recording says beside it. */
import { Document, type Pair, type Scalar, type YAMLMap, type YAMLSeq } from 'yaml'
import type { Alert, Clock, Recording, RuleGroup } from '../src/monitoring/alerts/alert.ts'
import { annotationsFor, labelsFor, withRecordings } from '../src/monitoring/alerts/annotations.ts'
import type { LabelsOfMetric } from '../src/monitoring/alerts/labels.ts'

const HEAD = ` Made by \`npm run docs\` from src/monitoring/alerts; do not edit.`

const alertRule = (alert: Alert, clock: Clock, labels: LabelsOfMetric) => ({
  alert: alert.name,
  expr: alert.expr,
  ...(alert.forSeconds > 0 && { for: clock.range(alert.forSeconds) }),
  ...(alert.keepFiringForSeconds && { keep_firing_for: clock.range(alert.keepFiringForSeconds) }),
  labels: labelsFor(alert),
  annotations: annotationsFor(alert, labels),
})

/** A group as the YAML says it. */
export const ruleGroup = (group: RuleGroup, clock: Clock, labels: LabelsOfMetric) => ({
  name: group.name,
  rules: [
    ...(group.recordings ?? []).map(({ record, expr }) => ({ record, expr })),
    ...(group.alerts ?? []).map((alert) => alertRule(alert, clock, labels)),
  ],
})

/** Blank lines between rules, and the meaning of a recording as a comment above it. */
const decorate = (document: Document, recordings: readonly Recording[]): void => {
  const groups = document.get('groups') as YAMLSeq<YAMLMap>
  const rules = groups.items[0]?.get('rules') as YAMLSeq<YAMLMap<Scalar>>
  rules.items.forEach((rule, index) => {
    rule.spaceBefore = index > 0
    const help = recordings[index]?.help
    if (help) rule.commentBefore = ` ${help}`
    const expr = rule.items.find(({ key }: Pair) => (key as Scalar).value === 'expr')?.value
    if (expr && (expr as Scalar<string>).value.includes('\n')) (expr as Scalar).type = 'BLOCK_LITERAL'
  })
}

const ruleFile = (group: RuleGroup, clock: Clock, labels: LabelsOfMetric): string => {
  const document = new Document({ groups: [ruleGroup(group, clock, labels)] })
  document.commentBefore = HEAD
  decorate(document, group.recordings ?? [])
  return document.toString({ lineWidth: 0, singleQuote: true })
}

/** File name to text. */
export const ruleFiles = (groups: readonly RuleGroup[], clock: Clock): ReadonlyMap<string, string> => {
  const labels = withRecordings(groups)
  return new Map(groups.map((group) => [`${group.name}.yml`, ruleFile(group, clock, labels)]))
}
