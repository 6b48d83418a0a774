/**
 * What follows from records *together*: flags of replies and quotes, gates on their posts, reply notifications, and what a
 * deleted post takes with it. Runs after the batch's own transaction has committed, in a second one, and before the batch is
 * acknowledged. Law: it computes from what is stored now and repeats harmlessly; so of two writers whose records concern each
 * other, the one that commits last sees both, and a crash in between is mended by the redelivery (`Applied.repeated`).
 */
import type { Affected } from './affected.ts'
import { Deltas } from './aggregates.ts'
import { settlePostNotifications } from './post-notifications.ts'
import { settleQuotes } from './settle-quotes.ts'
import { settleReplies } from './settle-replies.ts'
import { deleteRows, run, type Tx } from './sql.ts'
import { tombstonedOf } from './tombstones.ts'

/** Resolves with the number of notifications written. */
export const settle = async (tx: Tx, schema: string, affected: Affected): Promise<number> => {
  const deltas = new Deltas()
  const gone = [...affected.deletedPosts, ...(await tombstonedOf(tx, affected.subjects))]
  await dropWhatDeletedPostsTook(tx, schema, gone, deltas)
  await settleGateMarks(tx, schema, [...affected.posts.keys(), ...affected.gatedPosts])
  const replies = await settleReplies(tx, schema, affected, deltas)
  const quotes = await settleQuotes(tx, schema, affected)
  const concerned = [...new Set([...affected.posts.keys(), ...replies, ...quotes])]
  const notifications = await settlePostNotifications(tx, schema, concerned)
  await deltas.write(tx, schema)
  return notifications
}

/** Reposts of a deleted post leave the feeds, and nothing quotes it any more. */
const dropWhatDeletedPostsTook = async (
  tx: Tx,
  schema: string,
  gone: readonly string[],
  deltas: Deltas,
): Promise<void> => {
  if (gone.length === 0) return
  await deleteRows(tx, { schema, table: 'feed_item', owner: 'postUri' }, gone)
  const quotes = await deleteRows(tx, { schema, table: 'quote', owner: 'subject' }, gone)
  const rule = { table: 'post_agg', column: 'quoteCount', by: 'subject' } as const
  for (const quote of quotes) deltas.addRow([rule], quote, -1)
}

/** `hasThreadGate` and `hasPostGate` follow the gates that exist; a mark that was never set stays null. */
const settleGateMarks = async (tx: Tx, schema: string, uris: readonly string[]): Promise<void> => {
  if (uris.length === 0) return
  await run(tx, {
    name: `gate_marks_${schema}`,
    text: `update ${schema}.post p set
        "hasThreadGate" = case when t.uri is not null then true when p."hasThreadGate" then false else p."hasThreadGate" end,
        "hasPostGate" = case when g.uri is not null then true when p."hasPostGate" then false else p."hasPostGate" end
      from (select distinct uri from unnest($1::text[]) as u(uri) order by uri) i
        left join ${schema}.thread_gate t on t."postUri" = i.uri
        left join ${schema}.post_gate g on g."postUri" = i.uri
      where p.uri = i.uri and ((t.uri is not null) <> coalesce(p."hasThreadGate", false)
        or (g.uri is not null) <> coalesce(p."hasPostGate", false))`,
    values: [uris],
  })
}
