/** Faults of processes and of what watches them. */
import type { Drill } from '../drill.ts'

export const fleet: readonly Drill[] = [
  {
    alert: 'TargetDown',
    fast: true,
    fault: async ({ backfiller }) => {
      await backfiller.program.kill()
      return () => backfiller.program.start()
    },
  },
]
