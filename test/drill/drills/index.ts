/** Every drill, in the order in which a whole run takes them; and the alerts that have none, each with its reason. */
import type { Drill } from '../drill.ts'
import { backfiller } from './backfiller.ts'
import { fleet } from './fleet.ts'
import { freshness, indexer } from './indexer.ts'
import { ingester } from './ingester.ts'
import { monitoring } from './monitoring.ts'
import { stores } from './stores.ts'

export const DRILLS: readonly Drill[] = [
  ...fleet,
  ...ingester,
  ...backfiller,
  ...indexer,
  ...stores,
  ...monitoring,
  ...freshness,
]

export const WITHOUT_DRILL: Readonly<Record<string, string>> = {
  InfoInhibitor: 'reaches nobody by design; the drill of IngesterBackpressure is held back and let go by it',
  ConservationBroken:
    'only a defect of ours can break a law of conservation: wants a build with a count left out',
}
