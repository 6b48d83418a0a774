/** Every rule, in the order of the rule files. */
import type { Clock, RuleGroup } from './alert.ts'

export const ruleGroups = (_clock: Clock): readonly RuleGroup[] => []
