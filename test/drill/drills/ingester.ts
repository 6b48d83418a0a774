/** Faults between the ingester and its upstreams. */
import type { Drill } from '../drill.ts'

export const ingester: readonly Drill[] = [
  {
    alert: 'FirehoseSilent',
    fast: true,
    after: 60,
    fault: async ({ relay }) => {
      relay.jam()
      return () => relay.mend()
    },
  },
  {
    alert: 'FirehoseDisconnected',
    fast: true,
    also: ['FirehoseSilent'],
    fault: async ({ relay }) => {
      await relay.cut()
      return () => relay.mend()
    },
  },
]
