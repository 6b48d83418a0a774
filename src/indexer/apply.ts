/**
 * One batch of events into the database, entirely: facts first, in one transaction; then, in two further ones, what follows
 * from them together with what others wrote (standing of posts, then notifications). When this resolves the batch may be acknowledged; when it rejects, nothing is lost and
 * the batch may be applied again.
 */
import type { Pool } from '../db/pool.ts'
import type { StreamEvent } from '../event/event.ts'
import { TransientError } from '../lib/errors.ts'
import { deletionsOf, queueIdentities, withoutDeleted, writeAccounts, type RecentDids } from './accounts.ts'
import { writeSyncs } from './actor-sync.ts'
import { Deltas } from './aggregates.ts'
import { affectedBy, NOTHING_AFFECTED } from './affected.ts'
import { findLate, settleAll, type Answers, type Transact } from './consequences.ts'
import { linesOf, type DropLine } from './drop-line.ts'
import { keepDropped } from './dropped.ts'
import { HolderChanged } from './duplicates.ts'
import { subjectId } from './past.ts'
import { planEvents, type Change, type IdentityHint, type Plan } from './plan.ts'
import { ofKind, type Tx } from './sql.ts'
import { writeChanges, type Applied } from './write.ts'

export type ApplyOptions = {
  readonly pool: Pool
  readonly recent: RecentDids
  /** Look identities up on the network. */
  readonly resolveIdentities: boolean
  /** Keep records of collections that are not known. */
  readonly indexUnknown?: boolean
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
  const plan = planEvents(events, options)
  const hints = [...plan.identities.values()].filter(({ did, force }) => force || !options.recent.has(did))
  const dropLines = linesOf(plan.invalid)
  const written = await retryHolders(() => writePlan(options, plan, { hints, dropLines }))
  const { applied, voided, past } = written
  const { schema } = options.pool
  const run: Transact = (work) => transact(options, work)
  const affected = affectedBy(applied.applied, applied.repeated, past)
  const settled = await settleAll(run, schema, affected)
  const late = await findLate(
    ofKind(options.pool, 'accounts'),
    [...new Set(applied.applied.map(({ did }) => did))],
    answersIn(applied, past),
  )
  const reopened = await settleAll(run, schema, { ...NOTHING_AFFECTED, questioned: late.questioned })
  const lateVoided = await purgeOnceMore(options, applied.applied, late.deletions)
  await options.pool.flush()
  // Not before: what a crash of PostgreSQL took back must be queued again.
  for (const { did } of hints) options.recent.add(did)
  return {
    plan,
    applied,
    synced: written.synced,
    accounts: written.accounts,
    voided: [...voided, ...lateVoided],
    notifications: applied.notifications + settled + reopened,
  }
}

/** What of a batch may decide about replies that came before it: links, and what a root post says. */
const answersIn = ({ applied, repeated, links }: Applied, past: readonly Change[]): Answers => {
  const posts = [...applied, ...repeated, ...past].filter(({ collection }) => collection.past === 'post')
  return {
    subjects: [...new Set([...links, ...posts.map(({ uri }) => subjectId('root', uri))])],
    keys: repeated.filter(({ collection }) => collection.past === 'link').map(({ key }) => key),
  }
}

/** None of a batch's transactions is waited for by itself: the flush at its end is for all of them. */
const transact = <T>({ pool, onConflict, signal }: ApplyOptions, work: (tx: Tx) => Promise<T>): Promise<T> =>
  pool.transaction(work, {
    deferFlush: true,
    ...(onConflict && { onRetry: onConflict }),
    ...(signal && { signal }),
  })

/** What goes with the facts of a plan. */
type Beside = { readonly hints: readonly IdentityHint[]; readonly dropLines: readonly DropLine[] }

const writePlan = (options: ApplyOptions, plan: Plan, { hints, dropLines }: Beside) =>
  transact(options, async (tx) => {
    const { schema } = options.pool
    const deletions = await deletionsOf(ofKind(tx, 'accounts'), plan.changes)
    const { alive, voided } = withoutDeleted(plan.changes, deletions)
    const overtaken = withoutDeleted(plan.overtaken, deletions)
    const missed = {
      overtaken: overtaken.alive,
      voided: [...voided, ...overtaken.voided],
      predating: withoutDeleted(plan.predating, deletions).alive,
    }
    const deltas = new Deltas()
    const applied = await writeChanges({ tx, schema, deltas }, alive, missed)
    const synced = await writeSyncs(ofKind(tx, 'accounts'), schema, plan.syncs)
    const changed = new Set(await writeAccounts(ofKind(tx, 'accounts'), schema, plan.accounts))
    const doubtful = new Set([...changed].filter((did) => isDoubtful(plan, did)))
    const due = [...hints, ...[...doubtful].flatMap((did) => plan.identities.get(did) ?? [])]
    const unique = [...new Map(due.map((hint) => [hint.did, hint])).values()]
    if (options.resolveIdentities) await queueIdentities(ofKind(tx, 'identity'), schema, unique, doubtful)
    await deltas.write(ofKind(tx, 'aggregates'), schema)
    // Last: whoever holds lines of the list waits for nothing any more.
    await keepDropped(ofKind(tx, 'other'), dropLines)
    const past = [...applied.stale, ...plan.overtaken, ...voided.map(({ change }) => change)]
    return { applied, past, voided: voided.map(({ change }) => change), synced, accounts: changed }
  })

/** Deactivation and deletion may be an old PDS's last word about an account that moved away: its present PDS decides. */
const isDoubtful = (plan: Plan, did: string): boolean => {
  const account = plan.accounts.get(did)
  return account !== undefined && !account.active && ['deactivated', 'deleted'].includes(account.status ?? '')
}

/** A deletion that committed while this batch was being written did not see its rows: the purge is to run once more. */
const purgeOnceMore = async (
  options: ApplyOptions,
  changes: readonly Change[],
  deletions: ReadonlyMap<string, string>,
): Promise<readonly Change[]> => {
  const { voided } = withoutDeleted(changes, deletions)
  if (voided.length > 0) {
    const hints = new Map(voided.map(({ change: { did, at } }) => [did, { did, time: at, force: false }]))
    const queue = ofKind(options.pool, 'identity')
    await queueIdentities(queue, options.pool.schema, [...hints.values()], new Set(hints.keys()))
  }
  return voided.map(({ change }) => change)
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
