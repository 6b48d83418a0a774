/**
 * What follows from records *together*: flags of replies and quotes, gates on their posts, reply notifications, and what a
 * deleted post takes with it. Runs after the batch's own transaction has committed, in a second one, and before the batch is
 * acknowledged. Law: it computes from what is stored now and repeats harmlessly; so of two writers whose records concern each
 * other, the one that commits last sees both, and a crash in between is mended by the redelivery (`Applied.repeated`).
 */
import type { Affected } from './affected.ts'
import { Deltas } from './aggregates.ts'
import { siblingUri, uriDid } from './collection.ts'
import { settleQuotes } from './settle-quotes.ts'
import { settleReplies } from './settle-replies.ts'
import { deleteRows, insertRows, ofKind, run, type Tx } from './sql.ts'
import { tombstonedOf } from './tombstones.ts'

/**
 * Settles flags, marks and what deleted posts took along; resolves with the posts whose notifications are to be looked at next
 * (settlePostNotifications, in a transaction of its own: it locks what the writers lock first, this locks what they lock after).
 * Posts are locked before feed items, quotes and aggregates, in the order of the writers.
 */
export const settle = async (on: Tx, schema: string, affected: Affected): Promise<readonly string[]> => {
  const tx = ofKind(on, 'settle')
  const deltas = new Deltas()
  await settleGateMarks(tx, schema, [...affected.posts.keys(), ...affected.gatedPosts])
  const replies = await settleReplies(tx, schema, affected, deltas)
  const quotes = await settleQuotes(tx, schema, affected)
  await settleOwnThreads(tx, schema, affected)
  const gone = [...affected.deletedPosts, ...(await tombstonedOf(tx, affected.subjects))]
  await dropWhatDeletedPostsTook(tx, schema, gone, deltas)
  await deltas.write(ofKind(on, 'aggregates'), schema)
  return [...new Set([...affected.posts.keys(), ...replies, ...quotes])]
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

/** `hasThreadGate` and `hasPostGate`: true while the gate exists, false once it was deleted, null when there never was one. */
const settleGateMarks = async (tx: Tx, schema: string, uris: readonly string[]): Promise<void> => {
  if (uris.length === 0) return
  const gateUri = (uri: string, kind: string) => siblingUri(uri, `app.bsky.feed.${kind}`)
  const all = [...new Set(uris)].sort()
  const kinds = ['threadgate', 'postgate'] as const
  const gone = new Set(
    await tombstonedOf(
      tx,
      all.flatMap((uri) => kinds.map((kind) => gateUri(uri, kind))),
    ),
  )
  await run(tx, {
    name: `gate_marks_${schema}`,
    writes: 'post',
    text: `with m as (select i.uri, case when t.uri is not null then true when i.nothread then false end as thread,
            case when g.uri is not null then true when i.nopost then false end as post
          from unnest($1::text[], $2::boolean[], $3::boolean[]) as i(uri, nothread, nopost)
            left join ${schema}.thread_gate t on t."postUri" = i.uri
            left join ${schema}.post_gate g on g."postUri" = i.uri),
        held as (select p.uri from ${schema}.post p join m on m.uri = p.uri
          where p."hasThreadGate" is distinct from m.thread or p."hasPostGate" is distinct from m.post
          order by p.uri for update of p)
      update ${schema}.post p set "hasThreadGate" = m.thread, "hasPostGate" = m.post
      from m join held on held.uri = m.uri where p.uri = m.uri`,
    values: [all, ...kinds.map((kind) => all.map((uri) => gone.has(gateUri(uri, kind))))],
  })
}

/** Replies in the author's own thread are listed apart; those of deleted posts stay, marked. */
const settleOwnThreads = async (tx: Tx, schema: string, { posts, deletedPosts }: Affected): Promise<void> => {
  if (deletedPosts.length > 0) {
    await run(tx, {
      name: `bury_${schema}_op_thread_reply`,
      writes: 'op_thread_reply',
      text: `update ${schema}.op_thread_reply set "deletedAt" = $2 where uri = any($1::text[]) and "deletedAt" is null`,
      values: [[...deletedPosts].sort(), new Date().toISOString()],
    })
  }
  const own = [...posts.values()].flatMap(({ uri, did, row }) => {
    const rootUri = row?.['replyRoot']
    return typeof rootUri === 'string' && uriDid(rootUri) === did
      ? [{ rootUri, parentUri: row?.['replyParent'] ?? null, uri, deletedAt: null }]
      : []
  })
  const alive = await holdPosts(
    tx,
    schema,
    own.map(({ uri }) => uri),
  )
  const rows = own.filter(({ uri }) => alive.has(uri))
  await insertRows(tx, {
    schema,
    table: 'op_thread_reply',
    rows,
    orderBy: ['rootUri', 'uri'],
    conflict: ['rootUri', 'uri'],
    set: ['parentUri', 'deletedAt'],
  })
}

/** Those of the posts that are there; whoever deletes one of them waits until we have committed, and then marks its line. */
const holdPosts = async (tx: Tx, schema: string, uris: readonly string[]): Promise<ReadonlySet<string>> => {
  if (uris.length === 0) return new Set()
  const found = await run<{ uri: string }>(tx, {
    name: `hold_${schema}_posts`,
    text: `select uri from ${schema}.post where uri = any($1::text[]) order by uri for key share`,
    values: [uris],
  })
  return new Set(found.map(({ uri }) => uri))
}
