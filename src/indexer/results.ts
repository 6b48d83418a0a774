/**
 * What each event of a batch came to: applied (something changed), stale (something newer was there), repeated (it was applied
 * before), unchanged (a backfill of what is stored), dropped. Pure. Law: every event has exactly one result, so that results
 * add up to events; an identity event counts as applied, for what it asks for is a look-up, and that is queued.
 */
import type { StreamEvent } from '../event/event.ts'
import type { Outcome } from './apply.ts'
import type { Result } from './metrics-flow.ts'
import type { Change } from './plan.ts'

/** By position in the batch. */
export const resultsOf = (events: readonly StreamEvent[], outcome: Outcome): readonly Result[] => {
  const { plan, applied, voided } = outcome
  const results: (Result | null)[] = [...plan.fates]
  const mark = (changes: readonly Change[], result: Result) => {
    for (const change of changes) results[plan.positions.get(change) ?? -1] = result
  }
  mark(applied.applied, 'applied')
  mark(applied.repeated, 'repeated')
  mark(applied.stale, 'stale')
  mark(applied.unchanged, 'unchanged')
  mark(voided, 'dropped')
  return events.map((event, position) => results[position] ?? resultOf(event, outcome))
}

/** Of an event that is no change of a record. */
const resultOf = (event: StreamEvent, { plan, accounts, synced }: Outcome): Result => {
  if (event.type === 'account') return accounts.has(event.did) ? 'applied' : 'stale'
  if (event.type === 'identity') return 'applied'
  if (event.type !== 'repo') return 'stale'
  return synced.has(event.did) && plan.syncs.get(event.did)?.rev === event.rev ? 'applied' : 'stale'
}
