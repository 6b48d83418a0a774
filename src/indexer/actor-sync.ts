/** `actor_sync`: up to which rev each repo is known. Only ever moves forward. */
import type { Plan } from './plan.ts'
import { run, type Tx } from './sql.ts'

export const writeSyncs = async (tx: Tx, schema: string, syncs: Plan['syncs']): Promise<void> => {
  if (syncs.size === 0) return
  const lines = [...syncs].sort(([a], [b]) => (a < b ? -1 : 1))
  await run(tx, {
    name: `upsert_${schema}_actor_sync`,
    text: `insert into ${schema}.actor_sync as t (did, "commitCid", "repoRev")
      select * from unnest($1::text[], $2::text[], $3::text[]) as i(did, commit, rev) order by i.did
      on conflict (did) do update set "commitCid" = excluded."commitCid", "repoRev" = excluded."repoRev"
        where t."repoRev" is null or t."repoRev" < excluded."repoRev"`,
    values: [
      lines.map(([did]) => did),
      lines.map(([, { commit }]) => commit),
      lines.map(([, { rev }]) => rev),
    ],
  })
}
