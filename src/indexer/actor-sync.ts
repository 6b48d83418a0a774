/** `actor_sync`: up to which rev each repo is known. Only ever moves forward. */
import type { Plan } from './plan.ts'
import { run, type Tx } from './sql.ts'

/** Resolves with the repos whose rev moved. */
export const writeSyncs = async (
  tx: Tx,
  schema: string,
  syncs: Plan['syncs'],
): Promise<ReadonlySet<string>> => {
  if (syncs.size === 0) return new Set()
  const lines = [...syncs].sort(([a], [b]) => (a < b ? -1 : 1))
  const moved = await run<{ did: string }>(tx, {
    writes: 'actor_sync',
    name: `upsert_${schema}_actor_sync`,
    text: `insert into ${schema}.actor_sync as t (did, "commitCid", "repoRev")
      select * from unnest($1::text[], $2::text[], $3::text[]) as i(did, commit, rev) order by i.did
      on conflict (did) do update set "commitCid" = excluded."commitCid", "repoRev" = excluded."repoRev"
        where t."repoRev" is null or t."repoRev" < excluded."repoRev"
      returning did`,
    values: [
      lines.map(([did]) => did),
      lines.map(([, { commit }]) => commit),
      lines.map(([, { rev }]) => rev),
    ],
  })
  return new Set(moved.map(({ did }) => did))
}
