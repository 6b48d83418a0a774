/** The production rules on the drills' clock, written by what writes those of production. */
import type { Alert } from '../../src/monitoring/alerts/alert.ts'
import { ruleGroups } from '../../src/monitoring/alerts/index.ts'
import { ruleFiles } from '../../tools/rules.ts'
import { drillClock } from './clock.ts'

/** Alerts with their expressions on the drills' clock; `for` is still that of an operator's day. */
export const alerts = (): readonly Alert[] => ruleGroups(drillClock).flatMap((group) => group.alerts ?? [])

/** File name to text. */
export const drillRules = (): ReadonlyMap<string, string> => ruleFiles(ruleGroups(drillClock), drillClock)
