/**
 * One batch of events into the database, entirely: facts first, in one transaction; then, in two further ones, what follows
 * from them together with what others wrote (standing of posts, then notifications). When this resolves the batch may be acknowledged; when it rejects, nothing is lost and
 * the batch may be applied again.
 */
import type { Pool } from '../db/pool.ts'
import type { StreamEvent } from '../event/event.ts'
import { TransientError } from '../lib/errors.ts'
import { queueIdentities, withoutDeleted, writeAccounts, type RecentDids } from './accounts.ts'
import { writeSyncs } from './actor-sync.ts'
import { affectedBy, isNothing, type Affected } from './affected.ts'
import { HolderChanged } from './duplicates.ts'
import { planEvents, type Change, type IdentityHint, type Plan } from './plan.ts'
import { settlePostNotifications } from './post-notifications.ts'
import { settle } from './settle.ts'
import { ofKind, type Tx } from './sql.ts'
import { writeChanges, type Applied } from './write.ts'

export type ApplyOptions = {
  readonly pool: Pool
  readonly recent: RecentDids
  /** Look identities up on the network. */
  readonly resolveIdentities: boolean
  readonly onConflict?: (sqlState: string) => void
  readonly signal?: AbortSignal
}

export type Outcome = {
  readonly plan: Plan
  readonly applied: Applied
  /** Changes of accounts that were deleted since. */
  readonly voided: readonly Change[]
  /** Repos whose rev moved. */
  readonly synced: ReadonlySet<string>
  /** Accounts whose state is new. */
  readonly accounts: ReadonlySet<string>
  readonly notifications: number
}

const MAX_HOLDER_CHANGES = 5

export const applyEvents = async (
  options: ApplyOptions,
  events: readonly StreamEvent[],
): Promise<Outcome> => {
  const plan = planEvents(events)
  const hints = [...plan.identities.values()].filter(({ did, force }) => force || !options.recent.has(did))
  const written = await retryHolders(() => writePlan(options, plan, hints))
  for (const { did } of hints) options.recent.add(did)
  const changes = [...written.applied.applied, ...written.applied.repeated]
  const affected = affectedBy(changes)
  const settled = isNothing(affected) ? 0 : await settleAll(options, affected)
  const voided = await recheckDeleted(options, written.applied.applied)
  return {
    plan,
    applied: written.applied,
    synced: written.synced,
    accounts: written.accounts,
    voided: [...written.voided, ...voided],
    notifications: written.applied.notifications + settled,
  }
}

/** Resolves with the number of notifications written. */
const settleAll = async (options: ApplyOptions, affected: Affected): Promise<number> => {
  const { schema } = options.pool
  const concerned = await transact(options, (tx) => settle(tx, schema, affected))
  return transact(options, (tx) => settlePostNotifications(tx, schema, concerned))
}

const transact = <T>({ pool, onConflict, signal }: ApplyOptions, work: (tx: Tx) => Promise<T>): Promise<T> =>
  pool.transaction(work, { ...(onConflict && { onRetry: onConflict }), ...(signal && { signal }) })

const writePlan = (options: ApplyOptions, plan: Plan, hints: readonly IdentityHint[]) =>
  transact(options, async (tx) => {
    const { schema } = options.pool
    const { alive, voided } = await withoutDeleted(ofKind(tx, 'accounts'), plan.changes)
    const applied = await writeChanges(tx, schema, alive)
    const synced = await writeSyncs(ofKind(tx, 'accounts'), schema, plan.syncs)
    const changed = new Set(await writeAccounts(ofKind(tx, 'accounts'), schema, plan.accounts))
    const doubtful = new Set([...changed].filter((did) => isDoubtful(plan, did)))
    const due = [...hints, ...[...doubtful].flatMap((did) => plan.identities.get(did) ?? [])]
    const unique = [...new Map(due.map((hint) => [hint.did, hint])).values()]
    if (options.resolveIdentities) await queueIdentities(ofKind(tx, 'identity'), schema, unique, doubtful)
    return { applied, voided, synced, accounts: changed }
  })

/** Deactivation and deletion may be an old PDS's last word about an account that moved away: its present PDS decides. */
const isDoubtful = (plan: Plan, did: string): boolean => {
  const account = plan.accounts.get(did)
  return account !== undefined && !account.active && ['deactivated', 'deleted'].includes(account.status ?? '')
}

/** A deletion that committed while this batch was being written did not see its rows: the purge is to run once more. */
const recheckDeleted = async (options: ApplyOptions, changes: Applied['applied']) => {
  const { voided } = await withoutDeleted(ofKind(options.pool, 'accounts'), changes)
  if (voided.length > 0) {
    const hints = new Map(voided.map(({ did, at }) => [did, { did, time: at, force: false }]))
    const queue = ofKind(options.pool, 'identity')
    await queueIdentities(queue, options.pool.schema, [...hints.values()], new Set(hints.keys()))
  }
  return voided
}

const retryHolders = async <T>(work: () => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof HolderChanged)) throw error
      if (attempt >= MAX_HOLDER_CHANGES)
        throw new TransientError('other writers were faster', { cause: error })
    }
  }
}
