/** Faults of repositories, of those who serve them, and of what is queued. */
import { REPO_BACKFILL } from '../../../src/event/streams.ts'
import type { Drill } from '../drill.ts'
import { goingOn, network, queueRepos } from '../faults.ts'
import type { Stack } from '../stack.ts'
import type { FaultKind, FaultSpec } from '../../../src/sandbox/index.ts'

/** What a repo that fails leads to, in whatever way it fails. */
const FAILING = ['BackfillerFailureRatio', 'DeadLettersGrowing', 'BackfillStalled'] as const

const whileFetching = async (
  stack: Stack,
  kind: FaultKind,
  spec: FaultSpec,
): Promise<() => Promise<void>> => {
  const mend = network(stack, kind, spec)
  const stopQueueing = goingOn(1_000, () => queueRepos(stack, 20))
  return async () => {
    await stopQueueing()
    await mend()
  }
}

export const backfiller: readonly Drill[] = [
  {
    // Repositories are queued, fetched and fail before the rate is what it is.
    alert: 'BackfillerHighErrorRate',
    delay: 5,
    also: [...FAILING],
    fault: async (stack) => whileFetching(stack, 'truncated_car', {}),
  },
  {
    alert: 'BackfillerFailureRatio',
    also: [...FAILING, 'BackfillerHighErrorRate'],
    after: 600,
    fault: async (stack) => whileFetching(stack, 'missing_block', { target: 'repo', probability: 0.5 }),
  },
  {
    alert: 'VerificationFailures',
    delay: 5,
    also: [...FAILING, 'BackfillerHighErrorRate'],
    fault: async (stack) => whileFetching(stack, 'bad_signature', { target: 'repo', probability: 0.5 }),
  },
  {
    alert: 'BackfillStalled',
    also: ['BackfillerFailureRatio', 'PendingIdle', 'DeadLettersGrowing'],
    after: 600,
    fault: async (stack) => {
      const mend = network(stack, 'slow_car', { bytesPerSecond: 20 })
      await queueRepos(stack, 30)
      return mend
    },
  },
  {
    alert: 'DeadLettersGrowing',
    fault: async ({ redis }) => {
      await redis.sendAll(Array.from({ length: 20 }, () => ['XADD', REPO_BACKFILL, '*', 'repo', 'no JSON']))
      return () => {}
    },
  },
]
