/**
 * What follows from records *together*: flags of replies and quotes, gates on their posts, reply notifications, and what a
 * deleted post takes with it. Runs after the batch's own transaction has committed, in a second one, and before the batch is
 * acknowledged. Law: it computes from what is stored now, and stored is what was (past.ts); so of two writers whose records
 * concern each other, the one that commits last sees both, and a crash in between is mended by the redelivery (`Applied.repeated`).
 */
import type { Affected } from './affected.ts'
import { Deltas } from './aggregates.ts'
import { uriDid } from './collection.ts'
import { writeQuestions } from './gate-facts.ts'
import { gateUriOf, loadGates, type GateKind } from './gate-versions.ts'
import { subjectId } from './past.ts'
import { recordKeyOfUri } from './plan.ts'
import { settleQuotes } from './settle-quotes.ts'
import { settleReplies } from './settle-replies.ts'
import { insertRows, ofKind, run, type Tx } from './sql.ts'

export type Settled = {
  /** Posts whose notifications are to be looked at next. */
  readonly concerned: readonly string[]
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
  await settleGateMarks(tx, schema, [...affected.posts.keys(), ...affected.gatedPosts])
  const { changed, asked, below } = await settleReplies(tx, schema, affected, deltas)
  const quotes = await settleQuotes(tx, schema, affected)
  await settleOwnThreads(tx, schema, affected)
  await dropWhatDeletedPostsTook(tx, schema, [...affected.pastPosts, ...affected.subjects], deltas)
  const hidden = await hiddenReplies(tx, schema, affected.gatedPosts)
  await deltas.write(ofKind(on, 'aggregates'), schema)
  const concerned = new Set([...affected.posts.keys(), ...changed, ...quotes, ...below, ...hidden])
  return { concerned: [...concerned], asked }
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

const KINDS: readonly GateKind[] = ['threadgate', 'postgate']

/** `hasThreadGate` and `hasPostGate`: true while the gate exists, false once it was deleted, null when there never was one. */
const settleGateMarks = async (tx: Tx, schema: string, uris: readonly string[]): Promise<void> => {
  if (uris.length === 0) return
  const all = [...new Set(uris)].sort()
  await run(tx, {
    name: `gate_marks_${schema}`,
    writes: 'post',
    text: `with m as (select i.uri,
            case when t.uri is not null then true when a.deleted then false end as thread,
            case when g.uri is not null then true when b.deleted then false end as post
          from unnest($1::text[], $2::uuid[], $3::uuid[]) as i(uri, threadkey, postkey)
            left join ${schema}.thread_gate t on t."postUri" = i.uri
            left join ${schema}.post_gate g on g."postUri" = i.uri
            left join millrace.record_rev a on a.key = i.threadkey
            left join millrace.record_rev b on b.key = i.postkey),
        held as (select p.uri from ${schema}.post p join m on m.uri = p.uri
          where p."hasThreadGate" is distinct from m.thread or p."hasPostGate" is distinct from m.post
          order by p.uri for update of p)
      update ${schema}.post p set "hasThreadGate" = m.thread, "hasPostGate" = m.post
      from m join held on held.uri = m.uri where p.uri = m.uri`,
    values: [all, ...KINDS.map((kind) => all.map((uri) => recordKeyOfUri(gateUriOf(uri, kind))))],
  })
}

/** Replies in the author's own thread are listed apart; those of deleted posts stay, marked with the time of the deletion. */
const settleOwnThreads = async (tx: Tx, schema: string, { posts, pastPosts }: Affected): Promise<void> => {
  if (pastPosts.length > 0) {
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
      values: [[...pastPosts].sort()],
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
