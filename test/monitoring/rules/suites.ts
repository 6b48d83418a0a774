/** A rule with the recordings it needs and the cases about it, and, for the mutation test, with mutants of it beside it. */
import type { Alert, Recording, RuleGroup } from '../../../src/monitoring/alerts/alert.ts'
import { labelsFor, withRecordings } from '../../../src/monitoring/alerts/annotations.ts'
import { productionClock } from '../../../src/monitoring/alerts/clock.ts'
import { ruleGroup } from '../../../tools/rules.ts'
import { ALERT_CASES, RECORDING_CASES } from './cases.ts'
import { alertTest, joined, recordingTest, type Rule, type Suite } from './promtool.ts'

/** Beside the rule itself, what else is to be tested by the same cases: rules of another name. */
export type Mutants = (rule: Rule) => readonly Rule[]
const none: Mutants = () => []

const STEP = 15
const nameOf = (rule: Rule): string => rule.alert ?? rule.record ?? ''

const forAlert = (alert: Alert, before: readonly Rule[], mutants: Mutants): Suite[] => {
  const rule: Rule = {
    alert: alert.name,
    expr: alert.expr,
    ...(alert.forSeconds > 0 && { for: productionClock.range(alert.forSeconds) }),
    labels: labelsFor(alert),
  }
  const cases = ALERT_CASES.filter(({ alert: name }) => name === alert.name)
  const beside = [rule, ...mutants(rule)]
  return bySteps(cases, (each) => joined(beside.map((one) => alertTest(each, nameOf(one)))), [
    ...before,
    ...beside,
  ])
}

const forRecording = (recording: Recording, before: readonly Rule[], mutants: Mutants): Suite[] => {
  const rule: Rule = { record: recording.record, expr: recording.expr }
  const cases = RECORDING_CASES.filter(({ record }) => record === recording.record)
  const beside = [rule, ...mutants(rule)]
  return bySteps(cases, (each) => joined(beside.map((one) => recordingTest(each, nameOf(one)))), [
    ...before.filter(({ record }) => record !== recording.record),
    ...beside,
  ])
}

/** promtool evaluates a file at one pace. */
const bySteps = <T extends { readonly step?: number }>(
  cases: readonly T[],
  test: (each: T) => Suite['tests'],
  rules: readonly Rule[],
): Suite[] => {
  const steps = [...new Set(cases.map(({ step = STEP }) => step))]
  return steps.map((step) => ({
    rules,
    step,
    tests: cases.filter((each) => (each.step ?? STEP) === step).flatMap(test),
  }))
}

/** The recordings that an expression reads, and those these read. */
const needed = (expr: string, all: readonly Recording[]): readonly Recording[] => {
  const direct = all.filter(({ record }) => expr.includes(record))
  const deeper = direct.flatMap((each) => needed(each.expr.replaceAll(each.record, ''), all))
  return all.filter((each) => direct.includes(each) || deeper.includes(each))
}

/** `chosen`: the groups whose rules are tested; recordings of all groups are there for them to read. */
export const suites = (
  groups: readonly RuleGroup[],
  mutants: Mutants = none,
  chosen: readonly RuleGroup[] = groups,
): Suite[] => {
  const all = groups.flatMap(({ recordings = [] }) => recordings)
  const before = (expr: string): Rule[] =>
    needed(expr, all).map(({ record, expr: of }) => ({ record, expr: of }))
  return [
    ...chosen
      .flatMap(({ recordings = [] }) => recordings)
      .flatMap((recording) => forRecording(recording, before(recording.expr), mutants)),
    ...chosen.flatMap(({ alerts = [] }) =>
      alerts.flatMap((alert) => forAlert(alert, before(alert.expr), mutants)),
    ),
  ]
}

/** All rules as one file, as Prometheus runs them together. */
export const allRules = (groups: readonly RuleGroup[]): readonly Rule[] =>
  groups.flatMap((group) => ruleGroup(group, productionClock, withRecordings(groups)).rules as Rule[])
