/** Every rule, in the order of the rule files. */
import type { Clock, RuleGroup } from './alert.ts'
import { backfiller } from './backfiller.ts'
import { fleet } from './fleet.ts'
import { indexer } from './indexer.ts'
import { ingester } from './ingester.ts'
import { monitoring } from './monitoring.ts'
import { recordings } from './recordings.ts'
import { rskyAlerts } from './rsky.ts'
import { stores } from './stores.ts'

const GROUPS = [rskyAlerts, recordings, fleet, ingester, backfiller, indexer, stores, monitoring] as const

export const ruleGroups = (clock: Clock): readonly RuleGroup[] => GROUPS.map((group) => group(clock))
