/**
 * Everything an account deleted takes with it. Its records go the way of ordinary deletes, chunk by chunk, so that aggregates,
 * duplicates, notifications and threads of others stay exact; no hand-kept list of tables.
 */
import type { Pool } from '../db/pool.ts'
import { Deltas } from './aggregates.ts'
import { affectedBy, NOTHING_AFFECTED, type Affected } from './affected.ts'
import { collectionOfUri } from './collections/index.ts'
import { findLate, settleAll, settleDown } from './consequences.ts'
import { forgetDropped } from './dropped.ts'
import { recordKeyOfUri, type Change } from './plan.ts'
import { settle } from './settle.ts'
import { ofKind, run, type Tx } from './sql.ts'
import { writeGuarded } from './write.ts'

const CHUNK = 1_000

/** Removes what the account did up to `deletedAt`; resolves with the number of records removed. Safe to repeat. */
export const purgeAccount = async (pool: Pool, did: string, deletedAt: string): Promise<number> => {
  const { schema } = pool
  await run(pool, {
    name: 'mark_deleted',
    text: `insert into millrace.account as a (did, active, status, time, seq, "deletedAt") values ($1, false, 'deleted', $2, 0, $2)
      on conflict (did) do update set "deletedAt" = greatest(coalesce(a."deletedAt", ''), excluded."deletedAt")`,
    values: [did, deletedAt],
  })
  let total = 0
  for (let found = CHUNK; found === CHUNK;) {
    const chunk = await pool.transaction((tx) => purgeChunk(tx, schema, did, deletedAt))
    const { questioned } = await findLate(pool, [], { subjects: chunk.links, keys: [] })
    await settleAll((work) => pool.transaction(work), schema, { ...chunk.affected, questioned })
    found = chunk.found
    total += chunk.removed
  }
  await pool.transaction((tx) => forgetActor(tx, schema, did, deletedAt))
  await settleAll((work) => pool.transaction(work), schema, {
    ...NOTHING_AFFECTED,
    verifications: await verificationsOf(pool, did),
  })
  return total
}

/** What those given after the account's return told stays told, also where they are gone. */
const verificationsOf = async (tx: Tx, did: string): Promise<readonly string[]> => {
  const found = await run<{ uri: string }>(tx, {
    name: 'verifications_of',
    text: `select distinct uri from millrace.verification_version where split_part(uri, '/', 3) = $1`,
    values: [did],
  })
  return found.map(({ uri }) => uri)
}

type Chunk = {
  readonly found: number
  readonly removed: number
  readonly affected: Affected
  readonly links: readonly string[]
}

const purgeChunk = async (tx: Tx, schema: string, did: string, at: string): Promise<Chunk> => {
  const found = await run<{ uri: string }>(tx, {
    name: `records_of_${schema}`,
    text: `select uri from ${schema}.record where did = $1 and "indexedAt" <= $2 order by uri limit ${CHUNK}`,
    values: [did, at],
  })
  const lines = await holdRecords(tx, schema, found, at)
  const changes = lines.map(({ uri }): Change => {
    const collection = collectionOfUri(uri)
    return { key: recordKeyOfUri(uri), uri, did, collection, rev: 0n, at, live: true, put: null }
  })
  await run(tx, {
    name: 'bury',
    text: 'update millrace.record_rev set deleted = true where key = any($1::uuid[])',
    values: [changes.map(({ key }) => key)],
  })
  const deltas = new Deltas()
  const { links } = await writeGuarded({ tx, schema, deltas }, changes)
  await deltas.write(ofKind(tx, 'aggregates'), schema)
  const affected = affectedBy(changes)
  // Here too, not only after the commit: what a crash in between left undone, no second purge would find.
  const { unsettled } = await settleDown((next) => settle(tx, schema, next), affected)
  return { found: found.length, removed: lines.length, affected: { ...affected, unsettled }, links }
}

/** Those of the records that are still of that time: whoever writes one of them anew either has done so, or waits for us. */
const holdRecords = async (tx: Tx, schema: string, found: readonly { uri: string }[], at: string) => {
  const uris = found.map(({ uri }) => uri)
  await run(tx, {
    name: 'hold_revs',
    text: 'select key from millrace.record_rev where key = any($1::uuid[]) order by key for update',
    values: [uris.map(recordKeyOfUri)],
  })
  return run<{ uri: string }>(tx, {
    name: `still_of_${schema}`,
    text: `select uri from ${schema}.record where uri = any($1::text[]) and "indexedAt" <= $2 order by uri`,
    values: [uris, at],
  })
}

/** What it was told, and what it told by records that are gone; what came after its return stays. */
const forgetActor = async (tx: Tx, schema: string, did: string, at: string): Promise<void> => {
  await run(tx, {
    name: `forget_${schema}_actor`,
    writes: 'actor',
    text: `delete from ${schema}.actor where did = $1`,
    values: [did],
  })
  await run(tx, {
    name: `forget_${schema}_notifications`,
    writes: 'notification',
    text: `delete from ${schema}.notification n where (did = $1 and "sortAt" <= $2)
      or (author = $1 and not exists (select 1 from ${schema}.record r where r.uri = n."recordUri"))`,
    values: [did, at],
  })
  await forgetDropped(tx, did, at)
}
