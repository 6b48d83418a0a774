/**
 * Whom a post notifies: those it mentions, the author it quotes, the authors of the posts above it. Each recipient once per
 * post, in that order of precedence, never the author. Replies that were indexed before a post of theirs above are looked at
 * again when it arrives. Law: computed from what is stored now and from what was when the post was written (a post above that
 * was deleted later still counts, one that had been deleted does not), so it repeats harmlessly; what is told, and should not
 * be, is taken back.
 */
import { uriDid, type Notification } from './collection.ts'
import { quotedPost, type PostRecord } from './collections/post.ts'
import { gateAt, loadGates } from './gate-versions.ts'
import { insertNotifications } from './notifications.ts'
import { recordKeyOfUri } from './plan.ts'
import { ofKind, run, type Tx } from './sql.ts'
import { childrenSql } from './thread-walk.ts'
import { mentionedDids } from './thread.ts'
import { moment } from './time.ts'

/** A reply notifies the authors of this many posts above it. */
const MAX_HEIGHT = 4

type PostLine = {
  readonly uri: string
  readonly cid: string
  readonly creator: string
  readonly createdAt: string
  readonly indexedAt: string
  readonly sortAt: string
  readonly replyRoot: string | null
  readonly replyParent: string | null
  readonly violatesThreadGate: boolean | null
  readonly violatesEmbeddingRules: boolean | null
  readonly json: string
}
type Above = {
  readonly base: string
  readonly uri: string
  readonly parent: string | null
  readonly height: number
  readonly deletedAt: string | null
}
type Existing = {
  readonly id: string
  readonly recordUri: string
  readonly did: string
  readonly reason: string
  readonly reasonSubject: string | null
}

/** Resolves with the number of lines written. */
export const settlePostNotifications = async (
  on: Tx,
  schema: string,
  changedPosts: readonly string[],
): Promise<number> => {
  if (changedPosts.length === 0) return 0
  const tx = ofKind(on, 'notifications')
  const uris = await withRepliesBelow(tx, schema, changedPosts)
  await lockRecords(tx, uris)
  const posts = await loadPosts(tx, schema, uris)
  const above = Map.groupBy(await loadAbove(tx, schema, uris), ({ base }) => base)
  const roots = posts.flatMap(({ replyRoot }) => replyRoot ?? [])
  const gates = await loadGates(tx, schema, 'threadgate', roots)
  const wanted = posts.flatMap((post) => {
    const gate = gateAt(gates.get(post.replyRoot ?? '') ?? [], moment(post))
    const hidden = (gate?.['hiddenReplies'] as readonly string[] | undefined) ?? []
    return postNotifications(post, above.get(post.uri) ?? [], hidden)
  })
  const cut = posts.filter((post) => isCut(post, above.get(post.uri) ?? [])).map(({ uri }) => uri)
  return reconcile(tx, schema, { posts, wanted, cut: new Set(cut) })
}

/** The way up ends at a post of which nothing is known: whom it once led to, nobody can say. */
const isCut = ({ replyParent }: PostLine, above: readonly Above[]): boolean =>
  above.length < MAX_HEIGHT && (above.at(-1) ?? { parent: replyParent }).parent !== null

/** Pure: the notifications of one post, given the posts above it (nearest first) and the replies its thread hides. */
export const postNotifications = (
  post: PostLine,
  above: readonly Above[],
  hiddenReplies: readonly string[],
): Notification[] => {
  const record = JSON.parse(post.json) as PostRecord
  const found = new Map<string, Notification>()
  const notify = (did: string, reason: string, reasonSubject: string | null) => {
    if (did === post.creator || found.has(did)) return
    const { uri, cid, creator, sortAt } = post
    found.set(did, { did, author: creator, recordUri: uri, recordCid: cid, reason, reasonSubject, sortAt })
  }
  for (const did of mentionedDids(record.facets)) notify(did, 'mention', null)
  const quoted = quotedPost(record)
  if (quoted && !post.violatesEmbeddingRules) notify(uriDid(quoted.uri), 'quote', quoted.uri)
  if (post.violatesThreadGate) return [...found.values()]
  for (const { uri, deletedAt } of above) {
    if (deletedAt !== null && deletedAt <= moment(post)) break
    notify(uriDid(uri), 'reply', uri)
    if (hiddenReplies.includes(uri)) break
  }
  return [...found.values()]
}

const withRepliesBelow = async (
  tx: Tx,
  schema: string,
  uris: readonly string[],
): Promise<readonly string[]> => {
  const found = await run<{ uri: string }>(tx, {
    name: `replies_below_${schema}`,
    text: `with recursive below(uri, depth) as (
        select u, 0 from unnest($1::text[]) as i(u)
        union select c.uri, b.depth + 1 from below b cross join lateral ${childrenSql(schema, 'b.uri')} c
          where b.depth < ${MAX_HEIGHT})
      select distinct uri from below`,
    values: [uris],
  })
  return found.map(({ uri }) => uri)
}

/** One writer at a time decides on the notifications of a record. */
const lockRecords = (tx: Tx, uris: readonly string[]) =>
  run(tx, {
    name: 'lock_records',
    text: 'select key from millrace.record_rev where key = any($1::uuid[]) order by key for update',
    values: [uris.map(recordKeyOfUri)],
  })

const loadPosts = (tx: Tx, schema: string, uris: readonly string[]): Promise<readonly PostLine[]> =>
  run<PostLine>(tx, {
    name: `notifying_posts_${schema}`,
    text: `select p.uri, p.cid, p.creator, p."createdAt", p."indexedAt", p."sortAt", p."replyRoot", p."replyParent", p."violatesThreadGate", p."violatesEmbeddingRules", r.json
      from ${schema}.post p join ${schema}.record r on r.uri = p.uri where p.uri = any($1::text[])`,
    values: [uris],
  })

const loadAbove = (tx: Tx, schema: string, uris: readonly string[]): Promise<readonly Above[]> =>
  run<Above>(tx, {
    name: `posts_above_${schema}`,
    text: `with recursive above(base, uri, parent, height, "deletedAt") as (
        select p.uri, p.uri, p."replyParent", 0, null from ${schema}.post p where p.uri = any($1::text[])
        union all select a.base, q.uri, q."replyParent", a.height + 1, q."deletedAt" from above a cross join lateral (
            select p.uri, p."replyParent", null as "deletedAt" from ${schema}.post p where p.uri = a.parent
            union all select d.uri, d."replyParent", d."deletedAt" from millrace.deleted_post d
              where d.uri = a.parent and d."deletedAt" is not null and d.seen is not null
                and not exists (select 1 from ${schema}.post p where p.uri = a.parent)) q
          where a.height < ${MAX_HEIGHT})
      select base, uri, parent, height, "deletedAt" from above where height > 0 order by base, height`,
    values: [uris],
  })

type Reconciled = {
  readonly posts: readonly PostLine[]
  readonly wanted: readonly Notification[]
  /** Posts whose reply notifications are not all known. */
  readonly cut: ReadonlySet<string>
}

const keyOf = ({ recordUri, did }: { recordUri: string; did: string }) => `${recordUri}\n${did}`

const isSame = (a: Existing | undefined, b: Notification | undefined): boolean =>
  a?.reason === b?.reason && a?.reasonSubject === b?.reasonSubject

/** Adds what is missing; takes back what says something else, or too much. */
const reconcile = async (tx: Tx, schema: string, { posts, wanted, cut }: Reconciled): Promise<number> => {
  const existing = await run<Existing>(tx, {
    name: `existing_notifications_${schema}`,
    text: `select id::text, "recordUri", did, reason, "reasonSubject" from ${schema}.notification where "recordUri" = any($1::text[])`,
    values: [posts.map(({ uri }) => uri)],
  })
  const known = new Map(existing.map((line) => [keyOf(line), line]))
  const right = new Map(wanted.map((notification) => [keyOf(notification), notification]))
  const turnedAway = new Set(posts.flatMap(({ uri, violatesThreadGate }) => (violatesThreadGate ? uri : [])))
  const isSpared = ({ recordUri, did, reason }: Existing) =>
    reason === 'reply' &&
    cut.has(recordUri) &&
    !turnedAway.has(recordUri) &&
    !right.has(keyOf({ recordUri, did }))
  const missing = wanted.filter((notification) => !isSame(known.get(keyOf(notification)), notification))
  const outdated = existing
    .filter((line) => !isSame(line, right.get(keyOf(line))) && !isSpared(line))
    .map(({ id }) => id)
  if (outdated.length > 0) {
    await run(tx, {
      name: `outdated_notifications_${schema}`,
      writes: 'notification',
      text: `delete from ${schema}.notification where id = any($1::bigint[])`,
      values: [outdated],
    })
  }
  return insertNotifications(tx, schema, missing)
}
