/** Every drill, in the order in which a whole run takes them. */
import type { Drill } from '../drill.ts'
import { fleet } from './fleet.ts'
import { ingester } from './ingester.ts'

export const DRILLS: readonly Drill[] = [...fleet, ...ingester]
