/**
 * Looks accounts up on the network, off the critical path: handles (verified both ways), and the present PDS's word on accounts
 * said to be deactivated or deleted. Owns `millrace.identity_work` from the other end: rows are leased, so any number of indexers
 * share the queue and none is lost with one of them; no connection is held while the network is asked; what fails is put off
 * with a growing delay and never stands before fresh work.
 */
import type { Pool } from '../db/pool.ts'
import { isDataError } from '../db/sql-error.ts'
import { backoffMs, jitter, sleep } from '../lib/backoff.ts'
import { TransientError } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'
import type { Service } from '../lib/service.ts'
import { holdAccounts, upstreamStatus } from './accounts.ts'
import type { FoundIdentity, FoundStatus, Lookup } from './lookup.ts'
import { purgeAccount } from './purge.ts'
import { ofKind, run, type Tx } from './sql.ts'

export type IdentityOutcome = 'resolved' | 'no_handle' | 'gone' | 'failed'
export const IDENTITY_OUTCOMES: readonly IdentityOutcome[] = ['resolved', 'no_handle', 'gone', 'failed']

export type IdentityWorkerOptions = {
  readonly pool: Pool
  readonly lookup: Lookup
  readonly logger: Logger
  /** Look-ups under way at once. */
  readonly concurrency: number
  readonly onOutcome: (outcome: IdentityOutcome) => void
}

type Work = {
  readonly did: string
  readonly time: string
  readonly checkStatus: boolean
  readonly force: boolean
  readonly tries: number
}
type Found = { readonly work: Work; readonly identity: FoundIdentity; readonly status: FoundStatus | null }

/** Above the longest look-up (four answers of 10 s each); what a killed process had taken waits this long for the next one. */
const LEASE_SECONDS = 60
const IDLE_MS = 500
const RETRY = { initialMs: 2_000, maxMs: 7 * 24 * 3_600_000 }

export const createIdentityWorker = (options: IdentityWorkerOptions): Service => ({
  name: 'identity worker',
  run: async (signal) => {
    while (!signal.aborted) {
      const done = await workOnce(options, signal).catch((error: unknown) => {
        if (!(error instanceof TransientError) && !signal.aborted) throw error
        return 0
      })
      if (done === 0) await sleep(IDLE_MS, signal)
    }
  },
})

/** Takes one lot of due work, asks, writes; resolves with its size. */
const workOnce = async (options: IdentityWorkerOptions, signal: AbortSignal): Promise<number> => {
  const lot = await lease(ofKind(options.pool, 'identity'), options.concurrency)
  const found = await Promise.all(lot.map((work) => lookUp(options, work, signal)))
  const asked = found.filter((item): item is Found => item !== null)
  const answered = await writeIdentities(options, asked)
  for (const item of answered) await writeStatus(options.pool, item)
  await finish(
    options.pool,
    answered.map(({ work }) => work),
  )
  return lot.length
}

const lease = (pool: Tx, max: number): Promise<readonly Work[]> =>
  run<Work>(pool, {
    name: 'lease_identity_work',
    text: `update millrace.identity_work w set due = now() + interval '${LEASE_SECONDS} seconds', tries = w.tries + 1
      from (select did from millrace.identity_work where due <= now() order by due limit $1 for update skip locked) d
      where w.did = d.did returning w.did, w.time, w.force, w."checkStatus", w.tries`,
    values: [max],
  })

const lookUp = async (
  { pool, lookup, onOutcome }: IdentityWorkerOptions,
  work: Work,
  signal: AbortSignal,
): Promise<Found | null> => {
  try {
    const identity = await lookup.identity(work.did, signal)
    const status = work.checkStatus ? await lookup.status(work.did, signal) : null
    onOutcome(identity === 'gone' ? 'gone' : identity.handle === null ? 'no_handle' : 'resolved')
    return { work, identity, status }
  } catch (error) {
    if (!(error instanceof TransientError)) {
      if (signal.aborted) return null
      throw error
    }
    onOutcome('failed')
    await postpone(pool, work)
    return null
  }
}

const postpone = (pool: Pool, { did, tries }: Work) =>
  run(ofKind(pool, 'identity'), {
    name: 'postpone_identity_work',
    text: `update millrace.identity_work set due = now() + $2::float8 * interval '1 millisecond' where did = $1`,
    values: [did, jitter(backoffMs(tries, RETRY))],
  })

/** Work that was renewed while we asked (another time, a further flag) stays queued. */
const finish = (pool: Pool, done: readonly Work[]) =>
  run(ofKind(pool, 'identity'), {
    name: 'finish_identity_work',
    text: `delete from millrace.identity_work w using
        unnest($1::text[], $2::text[], $3::boolean[], $4::boolean[]) as i(did, time, force, status)
      where w.did = i.did and w.time = i.time and w.force = i.force and w."checkStatus" = i.status`,
    values: [
      done.map(({ did }) => did),
      done.map(({ time }) => time),
      done.map(({ force }) => force),
      done.map(({ checkStatus }) => checkStatus),
    ],
  })

/** Resolves with what was written. A handle that two accounts claim at once fails them together: then one by one. */
const writeIdentities = async (
  options: IdentityWorkerOptions,
  found: readonly Found[],
): Promise<readonly Found[]> => {
  try {
    await writeActors(options.pool, found)
    return found
  } catch (error) {
    if (!isDataError(error)) throw error
    const [only] = found
    if (found.length > 1) {
      const written: Found[] = []
      for (const item of found) written.push(...(await writeIdentities(options, [item])))
      return written
    }
    if (only) await postpone(options.pool, only.work)
    return []
  }
}

type Actor = {
  readonly did: string
  readonly time: string
  readonly handle: string | null
  /** Looked at for its status alone. */
  readonly forStatus: boolean
}

const writeActors = async (pool: Pool, found: readonly Found[]): Promise<void> => {
  const actors = found
    .flatMap(({ work: { did, time, force, checkStatus }, identity }) =>
      identity === 'gone' ? [] : [{ did, time, handle: identity.handle, forStatus: checkStatus && !force }],
    )
    .sort((a, b) => (a.did < b.did ? -1 : 1))
  if (actors.length > 0)
    await pool.transaction((tx) => upsertActors(ofKind(tx, 'identity'), pool.schema, actors))
}

/** A PDS answers for no handle of an account that is deactivated: whose status alone was asked for keeps the line it has. */
const withoutKnown = async (tx: Tx, schema: string, actors: readonly Actor[]): Promise<readonly Actor[]> => {
  const dids = actors.flatMap(({ did, forStatus }) => (forStatus ? [did] : []))
  if (dids.length === 0) return actors
  const lines = await run<{ did: string }>(tx, {
    name: `known_${schema}_actors`,
    text: `select did from ${schema}.actor where did = any($1::text[])`,
    values: [dids],
  })
  const known = new Set(lines.map(({ did }) => did))
  return actors.filter(({ did, forStatus }) => !forStatus || !known.has(did))
}

const upsertActors = async (tx: Tx, schema: string, found: readonly Actor[]): Promise<void> => {
  await holdAccounts(
    tx,
    found.map(({ did }) => did),
  )
  const actors = await withoutKnown(tx, schema, found)
  const dids = actors.map(({ did }) => did)
  const values = [dids, actors.map(({ handle }) => handle)]
  await run(tx, {
    name: `release_${schema}_handles`,
    writes: 'actor',
    text: `update ${schema}.actor a set handle = null from unnest($1::text[], $2::text[]) as i(did, handle)
      where a.handle = i.handle and a.did <> i.did`,
    values,
  })
  await run(tx, {
    name: `upsert_${schema}_actor`,
    writes: 'actor',
    text: `insert into ${schema}.actor as t (did, handle, "indexedAt", "upstreamStatus")
      select i.did, i.handle, i.time,
        case when not s.active and s.status in ('deactivated', 'suspended', 'takendown') then s.status end
      from unnest($1::text[], $2::text[], $3::text[]) as i(did, handle, time) left join millrace.account s on s.did = i.did
      order by i.did
      on conflict (did) do update set handle = excluded.handle, "indexedAt" = excluded."indexedAt"`,
    values: [...values, actors.map(({ time }) => time)],
  })
}

type AccountLine = {
  readonly active: boolean
  readonly status: string | null
  readonly time: string
  readonly deletedAt: string | null
}

/** Sets right what an account event claimed, by what the present PDS says; purges when the account is really gone. */
const writeStatus = async (pool: Pool, { work: { did }, identity, status }: Found): Promise<void> => {
  if (status === null) return
  const [account] = await run<AccountLine>(ofKind(pool, 'identity'), {
    name: 'account_state',
    text: 'select active, status, time, "deletedAt" from millrace.account where did = $1',
    values: [did],
  })
  if (!account) return
  const isGone = identity === 'gone' || status === 'gone' || status.status === 'deleted'
  if (isGone && (account.status === 'deleted' || account.deletedAt !== null)) {
    await purgeAccount(pool, did, account.deletedAt ?? account.time)
    return
  }
  if (status === 'gone' || account.active) return
  await pool.transaction((tx) =>
    correctStatus(ofKind(tx, 'identity'), pool.schema, { did, time: account.time, status }),
  )
}

type Correction = {
  readonly did: string
  readonly time: string
  readonly status: Exclude<FoundStatus, 'gone'>
}

/** Only while the event that was doubted is still the newest. */
const correctStatus = async (tx: Tx, schema: string, { did, time, status }: Correction): Promise<void> => {
  await holdAccounts(tx, [did])
  await run(tx, {
    name: `correct_${schema}_status`,
    writes: 'actor',
    text: `update ${schema}.actor set "upstreamStatus" = $2 where did = $1 and "upstreamStatus" is distinct from $2
      and exists (select 1 from millrace.account where did = $1 and time = $3)`,
    values: [did, upstreamStatus(status), time],
  })
  await run(tx, {
    name: 'correct_account',
    text: 'update millrace.account set active = $2, status = $3 where did = $1 and time = $4',
    values: [did, status.active, status.status, time],
  })
}
