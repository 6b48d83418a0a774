/**
 * What follows from records *together*: flags of replies and quotes, gates on their posts, reply notifications, and what a
 * deleted post takes with it. Runs after the batch's own transaction has committed, in a second one, and before the batch is
 * acknowledged. Law: it computes from what is stored now, and stored is what was (past.ts); so of two writers whose records
 * concern each other, the one that commits last sees both, and a crash in between is mended by the redelivery (`Applied.repeated`).
 *
 * Nothing is held for the look, and mostly nothing needs to change. What does is held, all at once and in one order, and written; and
 * when that is committed, it and what depends on it is looked at once more. So of two who change what a third depends on,
 * and that third, the last to commit sees the others: no order of look, change and commit leaves anything behind. Who has asked something
 * new holds nothing in the same transaction: no two wait for each other in a circle.
 */
import { postsOf, type Affected, type Standing } from './affected.ts'
import { Deltas } from './aggregates.ts'
import { noteQuestions, writeQuestions } from './gate-facts.ts'
import { loadGates } from './gate-versions.ts'
import { subjectId } from './past.ts'
import { recordKeyOfUri } from './plan.ts'
import { judgeMarks, settleMarks } from './settle-marks.ts'
import { judgeQuotes, quotesOf, settleQuotes, type QuoteVerdict } from './settle-quotes.ts'
import { findReplies, judgeReplies, settleReplies, type ReplyVerdict } from './settle-replies.ts'
import { judgeThreads, settleThreads, threadsOf } from './settle-threads.ts'
import { ofKind, run, type Tx } from './sql.ts'

export type Settled = {
  /** Posts whose notifications are to be looked at next. */
  readonly concerned: readonly string[]
  /** What stands otherwise now, or should: to be looked at when this is committed. */
  readonly unsettled: Standing
  /** Replies to be settled once more when this is committed. */
  readonly asked: readonly string[]
}

/**
 * Settles marks, flags and what deleted posts took along, one level down the threads. Notifications come next (settlePostNotifications), in a transaction
 * of their own: it locks what the writers lock first, this locks what they lock after.
 * Posts are locked before feed items, quotes and aggregates, in the order of the writers.
 */
export const settle = async (on: Tx, schema: string, affected: Affected): Promise<Settled> => {
  const tx = ofKind(on, 'settle')
  const deltas = new Deltas()
  const { posts, pastPosts, gatedPosts: gated, subjects, unsettled } = affected
  const marks = await judgeMarks(tx, schema, [...posts.keys(), ...gated, ...unsettled.marks])
  const { uris, concerned } = await findReplies(tx, schema, affected)
  const { verdicts: replies, questions } = await judgeReplies(tx, schema, uris)
  const quotes = await judgeQuotes(tx, schema, { own: quotesOf(affected), gated, by: unsettled.quotes })
  const threads = await judgeThreads(tx, schema, threadsOf(affected))
  const asked = await noteQuestions(tx, questions)
  const due: Due = { marks, replies, quotes, threads }
  if (asked.length === 0) await change(tx, schema, due, deltas)
  await dropWhatDeletedPostsTook(tx, schema, [...pastPosts, ...subjects], deltas)
  const hidden = await hiddenReplies(tx, schema, gated)
  await deltas.write(ofKind(on, 'aggregates'), schema)
  return {
    concerned: [...new Set([...posts.keys(), ...concerned, ...unsettled.quotes, ...hidden])],
    unsettled: standingOf(due),
    asked,
  }
}

/** What stands otherwise than it should. */
type Due = {
  readonly marks: readonly string[]
  readonly replies: readonly ReplyVerdict[]
  readonly quotes: readonly QuoteVerdict[]
  readonly threads: readonly string[]
}

const standingOf = ({ replies, quotes, ...due }: Due): Standing => ({
  ...due,
  replies: replies.map(({ uri }) => uri),
  quotes: quotes.map(({ uri }) => uri),
})

const change = async (tx: Tx, schema: string, due: Due, deltas: Deltas): Promise<void> => {
  await holdPosts(tx, schema, postsOf(standingOf(due)))
  await settleMarks(tx, schema, due.marks)
  await settleReplies(tx, schema, due.replies, deltas)
  await settleQuotes(tx, schema, due.quotes)
  await settleThreads(tx, schema, due.threads)
}

/**
 * One writer at a time changes the standing of a post, also of one that was deleted. A statement of its own: what is read after it
 * is what the writer before us left.
 */
const holdPosts = async (tx: Tx, schema: string, uris: readonly string[]): Promise<void> => {
  if (uris.length === 0) return
  await run(tx, {
    name: `hold_${schema}_posts`,
    text: `with p as (select 1 from ${schema}.post where uri = any($1::text[]) order by uri for no key update),
      d as (select 1 from millrace.deleted_post where uri = any($1::text[]) order by uri for no key update)
      select (select count(*) from p), (select count(*) from d)`,
    values: [uris],
  })
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
