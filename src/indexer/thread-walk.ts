/** Ways down a thread, past what stands and past what was deleted. Owns the walks; judges nothing. */
import { run, runForUris, type Tx } from './sql.ts'

/** How far down a thread a gate that arrives late is applied. */
const MAX_GATED_REPLIES = 10_000

/** SQL: the posts that reply to `parent`, deleted ones included, as `uri`. */
export const childrenSql = (schema: string, parent: string): string => `(
  select p.uri from ${schema}.post p where p."replyParent" = ${parent}
  union all select d.uri from millrace.deleted_post d where d."replyParent" = ${parent} and d."deletedAt" is not null)`

type Reply = { readonly uri: string; readonly parent: string }

/** Direct replies to the given posts. */
export const repliesTo = async (
  tx: Tx,
  schema: string,
  uris: readonly string[],
): Promise<readonly Reply[]> => {
  if (uris.length === 0) return []
  return run<Reply>(tx, {
    name: `replies_to_${schema}`,
    text: `select uri, "replyParent" as parent from ${schema}.post where "replyParent" = any($1::text[])
      union all select uri, "replyParent" from millrace.deleted_post where "replyParent" = any($1::text[]) and "deletedAt" is not null`,
    values: [uris],
  })
}

/** Every reply below the given posts, bounded. */
export const repliesUnder = async (
  tx: Tx,
  schema: string,
  uris: readonly string[],
): Promise<readonly string[]> => {
  if (uris.length === 0) return []
  return runForUris(tx, {
    name: `replies_under_${schema}`,
    text: `with recursive below(uri) as (
        select c.uri from unnest($1::text[]) as i(uri) cross join lateral ${childrenSql(schema, 'i.uri')} c
        union select c.uri from below b cross join lateral ${childrenSql(schema, 'b.uri')} c)
      select uri from below limit ${MAX_GATED_REPLIES}`,
    values: [uris],
  })
}
