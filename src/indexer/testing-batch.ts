/** Batches of a history as a whole indexer applies them, with the purges that its identity worker would do. */
import type { Pool } from '../db/pool.ts'
import type { StreamEvent } from '../event/event.ts'
import { purgeAccount } from './purge.ts'
import { apply, rowsOf } from './testing.ts'

/** One batch, and what the identity worker does when it finds that an account was really deleted, also when a batch raced it. */
export const applyBatch = async (pool: Pool, batch: readonly StreamEvent[]): Promise<void> => {
  const { voided } = await apply(pool, batch)
  for (const event of batch)
    if (event.type === 'account' && event.status === 'deleted')
      await purgeAccount(pool, event.did, event.time)
  for (const did of new Set(voided.map((change) => change.did))) {
    const [line] = await rowsOf(pool, 'millrace.account', { did })
    await purgeAccount(pool, did, line?.['deletedAt'] as string)
  }
}
