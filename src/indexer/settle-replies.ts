/**
 * Flags of replies: `invalidReplyRoot` and `violatesThreadGate`. Looks at the batch's replies, at replies to what changed in
 * the batch, and on down the thread as long as a flag changes; sets based, a round per level. Both flags are null until one of
 * them is true (the AppView's convention), and `replyCount` of the parent follows.
 */
import type { Deltas } from './aggregates.ts'
import { recordUri, uriDid, uriRkey } from './collection.ts'
import type { Affected } from './affected.ts'
import { loadGateFacts, type GateQuestion } from './gate-facts.ts'
import { isInvalidReply, violatesThreadGate, type Gate } from './thread.ts'
import { tombstonedOf } from './tombstones.ts'
import { run, type Tx } from './sql.ts'
import { moment } from './time.ts'

/** A thread may be deeper; beyond this many levels of changing flags something is wrong with the data, not with the thread. */
const MAX_ROUNDS = 200
/** How far down a thread a gate that arrives late is applied. */
const MAX_GATED_REPLIES = 10_000

type ReplyLine = {
  readonly uri: string
  readonly creator: string
  readonly root: string
  readonly parent: string
  readonly createdAt: string
  readonly indexedAt: string
  readonly invalid: boolean
  readonly violates: boolean
  readonly parentFound: boolean
  readonly parentRoot: string | null
  readonly parentInvalid: boolean
}

/** Resolves with the replies whose standing changed. */
export const settleReplies = async (
  tx: Tx,
  schema: string,
  affected: Affected,
  deltas: Deltas,
): Promise<readonly string[]> => {
  const own = [...affected.posts.values()].filter(({ row }) => row?.['replyParent']).map(({ uri }) => uri)
  const below = await repliesTo(tx, schema, [...affected.posts.keys(), ...affected.deletedPosts])
  const gated = await repliesUnder(tx, schema, affected.gatedPosts)
  let pending: readonly string[] = [...new Set([...own, ...below, ...gated])]
  const settled = new Set<string>()
  for (let round = 0; pending.length > 0 && round < MAX_ROUNDS; round++) {
    const changed = await settleRound(tx, schema, pending, deltas)
    for (const { uri } of changed) settled.add(uri)
    const validity = changed.filter(({ invalid, nowInvalid }) => invalid !== nowInvalid)
    pending = await repliesTo(
      tx,
      schema,
      validity.map(({ uri }) => uri),
    )
  }
  return [...settled]
}

/** Direct replies to the given posts. */
const repliesTo = async (tx: Tx, schema: string, uris: readonly string[]): Promise<readonly string[]> => {
  if (uris.length === 0) return []
  const found = await run<{ uri: string }>(tx, {
    name: `replies_to_${schema}`,
    text: `select uri from ${schema}.post where "replyParent" = any($1::text[])`,
    values: [uris],
  })
  return found.map(({ uri }) => uri)
}

/** Every reply below the given posts, bounded. */
const repliesUnder = async (tx: Tx, schema: string, uris: readonly string[]): Promise<readonly string[]> => {
  if (uris.length === 0) return []
  const found = await run<{ uri: string }>(tx, {
    name: `replies_under_${schema}`,
    text: `with recursive below(uri) as (
        select uri from ${schema}.post where "replyParent" = any($1::text[])
        union select p.uri from below b join ${schema}.post p on p."replyParent" = b.uri)
      select uri from below limit ${MAX_GATED_REPLIES}`,
    values: [uris],
  })
  return found.map(({ uri }) => uri)
}

type Verdict = ReplyLine & { readonly nowInvalid: boolean; readonly nowViolates: boolean }

/** Evaluates replies once; resolves with those whose standing changed. */
const settleRound = async (
  tx: Tx,
  schema: string,
  uris: readonly string[],
  deltas: Deltas,
): Promise<readonly Verdict[]> => {
  const lines = await loadReplies(tx, schema, uris)
  const missing = lines.filter(({ parentFound }) => !parentFound).map(({ parent }) => parent)
  const gone = new Set(await tombstonedOf(tx, [...new Set(missing)]))
  const gates = await loadGates(tx, schema, [...new Set(lines.map(({ root }) => root))])
  const questions = lines.flatMap((line) => {
    const gate = gateFor(gates, line)
    return gate ? [{ root: line.root, creator: line.creator, gate }] : []
  })
  const facts = await loadGateFacts(tx, schema, questions satisfies readonly GateQuestion[])
  const verdicts = lines.map((line) => {
    const found = line.parentFound
      ? { replyRoot: line.parentRoot, invalidReplyRoot: line.parentInvalid }
      : gone.has(line.parent)
        ? 'gone'
        : null
    const invalid = isInvalidReply(line, found)
    // Once turned away, a reply stays so: a gate that is changed or opened later does not let in what came before.
    const violates = line.violates || violatesThreadGate(line.creator, gateFor(gates, line), facts(line.root))
    return { ...line, nowInvalid: invalid, nowViolates: violates }
  })
  const changed = verdicts.filter((v) => v.invalid !== v.nowInvalid || v.violates !== v.nowViolates)
  await writeFlags(tx, schema, changed)
  for (const { violates, nowViolates, parent } of changed) {
    if (violates !== nowViolates) deltas.add('post_agg', parent, 'replyCount', nowViolates ? -1 : 1)
  }
  return changed
}

/** A gate binds only what came after it. */
const gateFor = (gates: ReadonlyMap<string, Gate>, reply: ReplyLine): Gate | null => {
  const gate = gates.get(reply.root)
  return gate && gate.since <= moment(reply) ? gate : null
}

/**
 * Read only after everybody concerned is held, in one order: a statement that waits for a lock would go on with what it saw
 * before. The posts above are held too, so that whoever is about to change their standing comes either before us, and we see it, or after us, and
 * finds our reply.
 */
const loadReplies = async (
  tx: Tx,
  schema: string,
  uris: readonly string[],
): Promise<readonly ReplyLine[]> => {
  await run(tx, {
    name: `hold_replies_${schema}`,
    text: `select 1 from ${schema}.post where uri in (
        select unnest($1::text[]) union select "replyParent" from ${schema}.post where uri = any($1::text[]))
      order by uri for update`,
    values: [uris],
  })
  return run<ReplyLine>(tx, {
    name: `load_replies_${schema}`,
    text: `select p.uri, p.creator, p."replyRoot" as root, p."replyParent" as parent, p."createdAt", p."indexedAt",
        coalesce(p."invalidReplyRoot", false) as invalid, coalesce(p."violatesThreadGate", false) as violates,
        q.uri is not null as "parentFound", q."replyRoot" as "parentRoot",
        coalesce(q."invalidReplyRoot", false) as "parentInvalid"
      from ${schema}.post p left join ${schema}.post q on q.uri = p."replyParent"
      where p.uri = any($1::text[]) and p."replyParent" is not null and p."replyRoot" is not null
      order by p.uri`,
    values: [uris],
  })
}

/** Thread gates by the root they stand beside. */
export const loadGates = async (
  tx: Tx,
  schema: string,
  roots: readonly string[],
): Promise<Map<string, Gate>> => {
  if (roots.length === 0) return new Map()
  const gateUri = (root: string) => recordUri(uriDid(root), 'app.bsky.feed.threadgate', uriRkey(root))
  const found = await run<{ post: string; createdAt: string; indexedAt: string; json: string }>(tx, {
    name: `load_gates_${schema}`,
    text: `select g."postUri" as post, g."createdAt", g."indexedAt", r.json
      from ${schema}.thread_gate g join ${schema}.record r on r.uri = g.uri where g.uri = any($1::text[])`,
    values: [roots.map(gateUri)],
  })
  return new Map(
    found.map((line) => [
      line.post,
      { since: moment(line), record: JSON.parse(line.json) as Gate['record'] },
    ]),
  )
}

const writeFlags = async (
  tx: Tx,
  schema: string,
  verdicts: readonly { uri: string; nowInvalid: boolean; nowViolates: boolean }[],
): Promise<void> => {
  if (verdicts.length === 0) return
  await run(tx, {
    name: `reply_flags_${schema}`,
    writes: 'post',
    text: `update ${schema}.post p set
        "invalidReplyRoot" = case when i.invalid or i.violates then i.invalid end,
        "violatesThreadGate" = case when i.invalid or i.violates then i.violates end
      from unnest($1::text[], $2::boolean[], $3::boolean[]) as i(uri, invalid, violates) where p.uri = i.uri`,
    values: [
      verdicts.map(({ uri }) => uri),
      verdicts.map(({ nowInvalid }) => nowInvalid),
      verdicts.map(({ nowViolates }) => nowViolates),
    ],
  })
}
