/** Every drill, in the order in which a whole run takes them. */
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
