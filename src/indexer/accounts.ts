/**
 * Accounts in the database: their status, and the queue of those whose identity or status is to be looked up. Law: of all
 * account events the newest by (time, seq) stands; what an account deleted at time T did up to T is void.
 */
import type { AccountEvent } from '../event/event.ts'
import type { Voided } from './past.ts'
import type { Change, IdentityHint, Plan } from './plan.ts'
import { run, type Tx } from './sql.ts'

/** Statuses the AppView knows; another one is kept out of its table. */
const UPSTREAM_STATUSES = new Set(['deactivated', 'suspended', 'takendown'])

/** When the accounts of these changes were deleted, of those that were. */
export const deletionsOf = async (
  tx: Tx,
  changes: readonly Change[],
): Promise<ReadonlyMap<string, string>> => {
  const dids = [...new Set(changes.map(({ did }) => did))]
  if (dids.length === 0) return new Map()
  const lines = await run<{ did: string; deletedAt: string }>(tx, {
    name: 'deleted_accounts',
    text: 'select did, "deletedAt" from millrace.account where did = any($1::text[]) and "deletedAt" is not null',
    values: [dids],
  })
  return new Map(lines.map((line) => [line.did, line.deletedAt]))
}

/** Splits changes into those that count and those of accounts deleted since. Pure. */
export const withoutDeleted = (
  changes: readonly Change[],
  deletions: ReadonlyMap<string, string>,
): { alive: readonly Change[]; voided: readonly Voided[] } => {
  const deletedAt = ({ did }: Change) => deletions.get(did) ?? ''
  const isVoid = (change: Change) => change.at <= deletedAt(change)
  return {
    alive: changes.filter((change) => !isVoid(change)),
    voided: changes.filter(isVoid).map((change) => ({ change, deletedAt: deletedAt(change) })),
  }
}

/**
 * One transaction at a time decides on what an account shows: whoever writes its state and whoever makes its line of `actor` would
 * otherwise each miss what the other has not committed yet, and the line would keep an old state for good.
 */
export const holdAccounts = (tx: Tx, dids: readonly string[]) =>
  run(tx, {
    name: 'hold_accounts',
    text: `select pg_advisory_xact_lock(key)
      from (select distinct hashtextextended(did, 0) as key from unnest($1::text[]) as i(did) order by key) k`,
    values: [dids],
  })

/** Writes account states; resolves with the DIDs whose state is new. */
export const writeAccounts = async (
  tx: Tx,
  schema: string,
  accounts: Plan['accounts'],
): Promise<readonly string[]> => {
  if (accounts.size === 0) return []
  const lines = [...accounts.values()].sort((a, b) => (a.did < b.did ? -1 : 1))
  await holdAccounts(tx, [...accounts.keys()])
  const won = await run<{ did: string }>(tx, {
    name: 'upsert_account',
    text: `insert into millrace.account as a (did, active, status, time, seq)
      select * from unnest($1::text[], $2::boolean[], $3::text[], $4::text[], $5::bigint[]) as i(did, active, status, time, seq)
      on conflict (did) do update set active = excluded.active, status = excluded.status, time = excluded.time, seq = excluded.seq
        where (a.time, a.seq) < (excluded.time, excluded.seq)
      returning did`,
    values: [
      lines.map(({ did }) => did),
      lines.map(({ active }) => active),
      lines.map(({ status }) => status),
      lines.map(({ time }) => time),
      lines.map(({ seq }) => seq),
    ],
  })
  const dids = new Set(won.map(({ did }) => did))
  const fresh = lines.filter(({ did }) => dids.has(did))
  await writeUpstreamStatus(tx, schema, fresh)
  return [...dids]
}

/** What `actor.upstreamStatus` holds for an account in this state. */
export const upstreamStatus = ({ active, status }: Pick<AccountEvent, 'active' | 'status'>): string | null =>
  !active && status !== null && UPSTREAM_STATUSES.has(status) ? status : null

const writeUpstreamStatus = (tx: Tx, schema: string, accounts: readonly AccountEvent[]) =>
  run(tx, {
    name: `upstream_status_${schema}`,
    writes: 'actor',
    text: `update ${schema}.actor a set "upstreamStatus" = i.status
      from unnest($1::text[], $2::text[]) as i(did, status)
      where a.did = i.did and a."upstreamStatus" is distinct from i.status`,
    values: [accounts.map(({ did }) => did), accounts.map(upstreamStatus)],
  })

/**
 * Queues identities for a look: those said to have changed, those never seen, those whose handle is old (a day) or missing (an
 * hour), as the reference does; and accounts said to be inactive, whose present PDS has the last word.
 */
export const queueIdentities = async (
  tx: Tx,
  schema: string,
  hints: readonly IdentityHint[],
  statusOf: ReadonlySet<string>,
): Promise<void> => {
  if (hints.length === 0) return
  const sorted = [...hints].sort((a, b) => (a.did < b.did ? -1 : 1))
  await run(tx, {
    name: `queue_identities_${schema}`,
    text: `insert into millrace.identity_work as w (did, time, force, "checkStatus")
      select i.did, i.time, i.force, i.status
      from unnest($1::text[], $2::text[], $3::boolean[], $4::boolean[], $5::text[], $6::text[])
          as i(did, time, force, status, "dayAgo", "hourAgo")
        left join ${schema}.actor a on a.did = i.did
      where i.force or i.status or a.did is null or a."indexedAt" < i."dayAgo"
        or (a.handle is null and a."indexedAt" < i."hourAgo")
      order by i.did
      on conflict (did) do update set
        force = w.force or excluded.force,
        "checkStatus" = w."checkStatus" or excluded."checkStatus",
        time = case when excluded.force and (not w.force or excluded.time > w.time) then excluded.time else w.time end,
        tries = case when excluded.force or excluded."checkStatus" then 0 else w.tries end,
        due = case when excluded.force or excluded."checkStatus" then now() else w.due end`,
    values: [
      sorted.map(({ did }) => did),
      sorted.map(({ time }) => time),
      sorted.map(({ force }) => force),
      sorted.map(({ did }) => statusOf.has(did)),
      sorted.map(({ time }) => before(time, 24)),
      sorted.map(({ time }) => before(time, 1)),
    ],
  })
}

const before = (time: string, hours: number): string =>
  new Date(Date.parse(time) - hours * 3_600_000).toISOString()

/** A set of recently seen DIDs, bounded in number: spares the database a question per event. */
export class RecentDids {
  readonly #max: number
  readonly #ttlMs: number
  readonly #seen = new Map<string, number>()

  constructor(options: { max: number; ttlMs: number }) {
    this.#max = options.max
    this.#ttlMs = options.ttlMs
  }

  has(did: string): boolean {
    return (this.#seen.get(did) ?? 0) > Date.now()
  }

  add(did: string): void {
    this.#seen.delete(did)
    this.#seen.set(did, Date.now() + this.#ttlMs)
    const oldest = this.#seen.keys().next()
    if (this.#seen.size > this.#max && !oldest.done) this.#seen.delete(oldest.value)
  }
}
