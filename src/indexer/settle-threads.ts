/**
 * `op_thread_reply`: replies in their author's own thread are listed apart; those of deleted posts stay, marked with the time of
 * the deletion.
 */
import type { Affected } from './affected.ts'
import { uriDid } from './collection.ts'
import { run, runForUris, type Tx } from './sql.ts'

/** Posts whose line may be another one. */
export const threadsOf = ({ posts, pastPosts, unsettled }: Affected): readonly string[] => {
  const own = [...posts.values()].flatMap(({ uri, did, row }) => {
    const root = row?.['replyRoot']
    return typeof root === 'string' && uriDid(root) === did ? [uri] : []
  })
  return [...new Set([...own, ...pastPosts, ...unsettled.threads])]
}

/** SQL: `w(root, parent, uri, at)`, the lines of the posts `$1` as they should be. */
const wantedSql = (schema: string): string => `
  select p."replyRoot" as root, p."replyParent" as parent, p.uri, null as at from ${schema}.post p
    where p.uri = any($1::text[]) and split_part(p."replyRoot", '/', 3) = p.creator
  union all select d."replyRoot", d."replyParent", d.uri, d."deletedAt" from millrace.deleted_post d
    where d.uri = any($1::text[]) and d."deletedAt" is not null and split_part(d."replyRoot", '/', 3) = split_part(d.uri, '/', 3)
      and not exists (select 1 from ${schema}.post p where p.uri = d.uri)`

/** Which of these posts are listed otherwise than they should. */
export const judgeThreads = async (
  tx: Tx,
  schema: string,
  uris: readonly string[],
): Promise<readonly string[]> => {
  if (uris.length === 0) return []
  return runForUris(tx, {
    name: `judge_threads_${schema}`,
    text: `select w.uri from (${wantedSql(schema)}) w left join ${schema}.op_thread_reply t on t."rootUri" = w.root and t.uri = w.uri
      where t.uri is null or t."parentUri" is distinct from w.parent or t."deletedAt" is distinct from w.at`,
    values: [uris],
  })
}

/** Lists posts, which are held. */
export const settleThreads = async (tx: Tx, schema: string, held: readonly string[]): Promise<void> => {
  if (held.length === 0) return
  await run(tx, {
    name: `settle_threads_${schema}`,
    writes: 'op_thread_reply',
    text: `insert into ${schema}.op_thread_reply as t ("rootUri", "parentUri", uri, "deletedAt")
      select w.root, w.parent, w.uri, w.at from (${wantedSql(schema)}) w order by w.root, w.uri
      on conflict ("rootUri", uri) do update set "parentUri" = excluded."parentUri", "deletedAt" = excluded."deletedAt"`,
    values: [held],
  })
}
