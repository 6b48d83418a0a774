/**
 * What follows from records *together*: flags of replies and quotes, gates on their posts, reply notifications, and what a
 * deleted post takes with it. Runs after the batch's own transaction has committed, in a second one, and before the batch is
 * acknowledged. Law: it computes from what is stored now, and stored is what was (past.ts); so of two writers whose records
 * concern each other, the one that commits last sees both, and a crash in between is mended by the redelivery (`Applied.repeated`).
 *
 * Nothing is held for the look, and mostly nothing needs to change. What does is held and looked at again before it is
 * written, and those who depend on it are looked at when that is committed: so whoever saw what was there before, and found
 * nothing to change, is found by him who changed it.
 */
import type { Affected } from './affected.ts'
import { Deltas } from './aggregates.ts'
import { uriDid } from './collection.ts'
import { writeQuestions } from './gate-facts.ts'
import { loadGates } from './gate-versions.ts'
import { holdPosts } from './hold-posts.ts'
import { subjectId } from './past.ts'
import { recordKeyOfUri } from './plan.ts'
import { judgeMarks, settleMarks } from './settle-marks.ts'
import { judgeQuotes, quotesOf, settleQuotes } from './settle-quotes.ts'
import { findReplies, judgeReplies, settleReplies } from './settle-replies.ts'
import { insertRows, ofKind, run, type Tx } from './sql.ts'

export type Settled = {
  /** Posts whose notifications are to be looked at next. */
  readonly concerned: readonly string[]
  /** Posts that hang otherwise now: replies to them are to be looked at when this is committed. */
  readonly moved: readonly string[]
  /** Replies to be settled once more when this is committed. */
  readonly asked: readonly string[]
}

/**
 * Settles flags, marks and what deleted posts took along. Notifications come next (settlePostNotifications), in a transaction
 * of their own: it locks what the writers lock first, this locks what they lock after.
 * Posts are locked before feed items, quotes and aggregates, in the order of the writers.
 */
export const settle = async (on: Tx, schema: string, affected: Affected): Promise<Settled> => {
  const tx = ofKind(on, 'settle')
  const deltas = new Deltas()
  const marks = await judgeMarks(tx, schema, [...affected.posts.keys(), ...affected.gatedPosts])
  const { uris, below } = await findReplies(tx, schema, affected)
  const replies = await judgeReplies(tx, schema, uris)
  const quotes = await judgeQuotes(tx, schema, quotesOf(affected), affected.gatedPosts)
  const restless = replies.changed.map(({ uri }) => uri)
  await holdPosts(tx, schema, [...new Set([...marks, ...restless, ...quotes.map(({ uri }) => uri)])])
  await settleMarks(tx, schema, marks)
  const { changed, moved, asked } = await settleReplies(tx, schema, restless, deltas)
  const requoted = await settleQuotes(tx, schema, quotes)
  await settleOwnThreads(tx, schema, affected)
  await dropWhatDeletedPostsTook(tx, schema, [...affected.pastPosts, ...affected.subjects], deltas)
  const hidden = await hiddenReplies(tx, schema, affected.gatedPosts)
  await deltas.write(ofKind(on, 'aggregates'), schema)
  const concerned = new Set([...affected.posts.keys(), ...changed, ...requoted, ...below, ...hidden])
  return { concerned: [...concerned], moved, asked: [...new Set([...replies.asked, ...asked])] }
}

/** The replies that any version of these posts' gates hides, or hid. */
const hiddenReplies = async (
  tx: Tx,
  schema: string,
  posts: readonly string[],
): Promise<readonly string[]> => {
  const versions = await loadGates(tx, schema, 'threadgate', posts)
  return [...versions.values()]
    .flat()
    .flatMap(({ record }) => (record?.['hiddenReplies'] as readonly string[] | undefined) ?? [])
}

/**
 * A repost or quote that is older than the deletion of its subject is in no feed and quotes nothing any more, also when its
 * subject has been made anew since. Of what was deleted before deletions were dated, none is.
 */
const dropWhatDeletedPostsTook = async (
  tx: Tx,
  schema: string,
  uris: readonly string[],
  deltas: Deltas,
): Promise<void> => {
  if (uris.length === 0) return
  const all = [...new Set(uris)].sort()
  const quotes = await run<{ uri: string; subject: string }>(tx, {
    name: `drop_${schema}_taken`,
    writes: 'feed_item',
    text: `with gone as (
        select i.uri, d."deletedAt" as at from unnest($1::text[]) as i(uri) join millrace.deleted_post d on d.uri = i.uri
          where d."deletedAt" is not null
        union all select i.uri, null from unnest($1::text[], $2::uuid[]) as i(uri, key)
          join millrace.record_rev r on r.key = i.key and r.deleted
          where not exists (select 1 from millrace.deleted_post d where d.uri = i.uri and d."deletedAt" is not null)),
      feed as (delete from ${schema}.feed_item f using gone g
        where f."postUri" = g.uri and f.uri <> g.uri and (g.at is null or f."sortAt" <= g.at))
      delete from ${schema}.quote q using gone g
        where q.subject = g.uri and (g.at is null or q."sortAt" <= g.at) returning q.uri, q.subject`,
    values: [all, all.map(recordKeyOfUri)],
  })
  const rule = { table: 'post_agg', column: 'quoteCount', by: 'subject' } as const
  for (const quote of quotes) deltas.addRow([rule], quote, -1)
  // The gate of the subject, should it come later, would not find them any more.
  await writeQuestions(
    tx,
    quotes.map(({ uri, subject }) => [subjectId('quoted', subject), uri]),
  )
}

/**
 * Replies in the author's own thread are listed apart; those of deleted posts stay, marked with the time of the deletion. They are
 * listed first and buried then: a post that is deleted after we looked is buried by the one who deletes it.
 */
const settleOwnThreads = async (tx: Tx, schema: string, { posts, pastPosts }: Affected): Promise<void> => {
  const rows = [...posts.values()].flatMap(({ uri, did, row }) => {
    const rootUri = row?.['replyRoot']
    return typeof rootUri === 'string' && uriDid(rootUri) === did
      ? [{ rootUri, parentUri: row?.['replyParent'] ?? null, uri, deletedAt: null }]
      : []
  })
  await insertRows(tx, {
    schema,
    table: 'op_thread_reply',
    rows,
    orderBy: ['rootUri', 'uri'],
    conflict: ['rootUri', 'uri'],
    set: ['parentUri', 'deletedAt'],
  })
  const mortal = [...pastPosts, ...rows.map(({ uri }) => uri)]
  if (mortal.length === 0) return
  await run(tx, {
    name: `bury_${schema}_op_thread_reply`,
    writes: 'op_thread_reply',
    text: `insert into ${schema}.op_thread_reply as t ("rootUri", "parentUri", uri, "deletedAt")
      select d."replyRoot", d."replyParent", d.uri, d."deletedAt" from millrace.deleted_post d
        where d.uri = any($1::text[]) and d."deletedAt" is not null and d."replyRoot" is not null
          and split_part(d."replyRoot", '/', 3) = split_part(d.uri, '/', 3)
          and not exists (select 1 from ${schema}.post p where p.uri = d.uri)
        order by d."replyRoot", d.uri
      on conflict ("rootUri", uri) do update set "parentUri" = excluded."parentUri", "deletedAt" = excluded."deletedAt"`,
    values: [mortal.sort()],
  })
}
