/**
 * Whom a post notifies: those it mentions, the author it quotes, the authors of the posts above it. Each recipient once per
 * post, in that order of precedence, never the author. Replies that were indexed before a post of theirs above are looked at
 * again when it arrives. Law: computed from what is stored now, so it repeats harmlessly.
 */
import { uriDid, type Notification } from './collection.ts'
import { quotedPost, type PostRecord } from './collections/post.ts'
import { insertNotifications } from './notifications.ts'
import { recordKeyOfUri } from './plan.ts'
import { loadGates } from './settle-replies.ts'
import { ofKind, run, type Tx } from './sql.ts'
import { mentionedDids } from './thread.ts'

/** A reply notifies the authors of this many posts above it. */
const MAX_HEIGHT = 4

type PostLine = {
  readonly uri: string
  readonly cid: string
  readonly creator: string
  readonly sortAt: string
  readonly replyRoot: string | null
  readonly violatesThreadGate: boolean | null
  readonly violatesEmbeddingRules: boolean | null
  readonly json: string
}
type Above = { readonly base: string; readonly uri: string; readonly height: number }
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
  const gates = await loadGates(tx, schema, [...new Set(roots)])
  const wanted = posts.flatMap((post) => {
    const hidden = gates.get(post.replyRoot ?? '')?.record.hiddenReplies ?? []
    return postNotifications(post, above.get(post.uri) ?? [], hidden)
  })
  return reconcile(tx, schema, posts, wanted)
}

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
  for (const { uri } of above) {
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
        union select p.uri, b.depth + 1 from below b join ${schema}.post p on p."replyParent" = b.uri
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
    text: `select p.uri, p.cid, p.creator, p."sortAt", p."replyRoot", p."violatesThreadGate", p."violatesEmbeddingRules", r.json
      from ${schema}.post p join ${schema}.record r on r.uri = p.uri where p.uri = any($1::text[])`,
    values: [uris],
  })

const loadAbove = (tx: Tx, schema: string, uris: readonly string[]): Promise<readonly Above[]> =>
  run<Above>(tx, {
    name: `posts_above_${schema}`,
    text: `with recursive above(base, uri, parent, height) as (
        select p.uri, p.uri, p."replyParent", 0 from ${schema}.post p where p.uri = any($1::text[])
        union all select a.base, p.uri, p."replyParent", a.height + 1 from above a
          join ${schema}.post p on p.uri = a.parent where a.height < ${MAX_HEIGHT})
      select base, uri, height from above where height > 0 order by base, height`,
    values: [uris],
  })

/** Adds what is missing; replaces what says something else to the same recipient; forgets replies a gate turned away. */
const reconcile = async (
  tx: Tx,
  schema: string,
  posts: readonly PostLine[],
  wanted: readonly Notification[],
): Promise<number> => {
  const existing = await run<Existing>(tx, {
    name: `existing_notifications_${schema}`,
    text: `select id::text, "recordUri", did, reason, "reasonSubject" from ${schema}.notification where "recordUri" = any($1::text[])`,
    values: [posts.map(({ uri }) => uri)],
  })
  const key = ({ recordUri, did }: { recordUri: string; did: string }) => `${recordUri}\n${did}`
  const known = new Map(existing.map((line) => [key(line), line]))
  const differs = (line: Existing | undefined, { reason, reasonSubject }: Notification) =>
    line === undefined || line.reason !== reason || line.reasonSubject !== reasonSubject
  const missing = wanted.filter((notification) => differs(known.get(key(notification)), notification))
  const turnedAway = new Set([
    ...posts.flatMap(({ uri, violatesThreadGate }) => (violatesThreadGate ? `${uri}\nreply` : [])),
    ...posts.flatMap(({ uri, violatesEmbeddingRules }) => (violatesEmbeddingRules ? `${uri}\nquote` : [])),
  ])
  const outdated = [
    ...missing.flatMap((notification) => known.get(key(notification))?.id ?? []),
    ...existing.flatMap(({ id, recordUri, reason }) => (turnedAway.has(`${recordUri}\n${reason}`) ? id : [])),
  ]
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
