/**
 * Flags of replies. A change anywhere in a thread may change them, so they are looked at from three sides: at the batch's replies, at replies to what
 * changed in the batch, and on down the thread as long as a flag changes, a level at a time (consequences.ts). Deleted posts keep
 * their place in the thread (`millrace.deleted_post`) and are judged like the others. Both flags are null until one of
 * them is true (the AppView's convention), and `replyCount` of the parent follows. Law: a verdict is a function of what the
 * thread says and of the past of gate and links at the moment of the reply; a reply that hangs nowhere is judged by no gate.
 */
import type { Deltas } from './aggregates.ts'
import type { Affected } from './affected.ts'
import { loadGateFacts, type GateQuestion } from './gate-facts.ts'
import { gateAt, loadGates } from './gate-versions.ts'
import { isInvalidReply, violatesThreadGate } from './thread.ts'
import { repliesTo, repliesUnder } from './thread-walk.ts'
import { tombstonedOf } from './tombstones.ts'
import { run, runForUris, type Tx } from './sql.ts'
import { moment } from './time.ts'

type ReplyLine = {
  readonly uri: string
  readonly creator: string
  readonly root: string
  readonly parent: string
  readonly createdAt: string
  readonly indexedAt: string
  readonly invalid: boolean
  readonly violates: boolean
  readonly deleted: boolean
  readonly parentFound: boolean
  readonly parentRoot: string | null
  readonly parentInvalid: boolean
}

/** Which replies are to be looked at. */
export type Replies = {
  readonly uris: readonly string[]
  /** Among them those that may notify differently; what changes now is among those of the next look. */
  readonly concerned: readonly string[]
}

export const findReplies = async (tx: Tx, schema: string, affected: Affected): Promise<Replies> => {
  const { posts, pastPosts, questioned, gatedPosts, redelivered } = affected
  const unsettled = affected.unsettled.replies
  const own = [...posts.values()].filter(({ row }) => row?.['replyParent']).map(({ uri }) => uri)
  const below = await repliesTo(tx, schema, [...posts.keys(), ...pastPosts, ...unsettled])
  // Of what an earlier delivery changed nobody may have been told.
  const again = await repliesUnder(tx, schema, redelivered)
  const isAgain = new Set(redelivered)
  const gated = await repliesUnder(
    tx,
    schema,
    gatedPosts.filter((uri) => !isAgain.has(uri)),
  )
  const past = new Set(pastPosts)
  const bereft = below.filter(({ parent }) => past.has(parent)).map(({ uri }) => uri)
  const all = [own, pastPosts, questioned, unsettled, below.map(({ uri }) => uri), gated, again]
  return { uris: [...new Set(all.flat())], concerned: [...bereft, ...questioned, ...unsettled, ...again] }
}

export type ReplyVerdict = ReplyLine & { readonly nowInvalid: boolean; readonly nowViolates: boolean }

type Judged = { readonly verdicts: readonly ReplyVerdict[]; readonly questions: readonly GateQuestion[] }

/** Which of these replies should stand otherwise than they do, and what was asked of gates. */
export const judgeReplies = async (tx: Tx, schema: string, uris: readonly string[]): Promise<Judged> => {
  if (uris.length === 0) return { verdicts: [], questions: [] }
  const lines = await judgeHangs(tx, await loadReplies(tx, schema, uris))
  const gated = lines.filter(({ deleted, nowInvalid }) => !deleted && !nowInvalid)
  const gates = await loadGates(
    tx,
    schema,
    'threadgate',
    gated.map(({ root }) => root),
  )
  const questions = gated.flatMap((line): GateQuestion[] => {
    const record = gateAt(gates.get(line.root) ?? [], moment(line))
    const { uri, root, creator } = line
    return record ? [{ uri, root, creator, time: moment(line), gate: { record: record } }] : []
  })
  const facts = await loadGateFacts(tx, schema, questions)
  const turnedAway = new Set(
    questions
      .filter((question) => violatesThreadGate(question.creator, question.gate, facts(question)))
      .map(({ uri }) => uri),
  )
  const verdicts = lines
    .map((line) => ({ ...line, nowViolates: turnedAway.has(line.uri) }))
    .filter((v) => v.invalid !== v.nowInvalid || v.violates !== v.nowViolates)
  return { verdicts, questions }
}

/** Does each reply hang where it says it does? */
const judgeHangs = async (tx: Tx, lines: readonly ReplyLine[]) => {
  const missing = lines.filter(({ parentFound }) => !parentFound).map(({ parent }) => parent)
  const gone = new Set(await tombstonedOf(tx, [...new Set(missing)]))
  return lines.map((line) => {
    const found = line.parentFound
      ? { replyRoot: line.parentRoot, invalidReplyRoot: line.parentInvalid }
      : gone.has(line.parent)
        ? 'gone'
        : null
    return { ...line, nowInvalid: isInvalidReply(line, found) }
  })
}

const loadReplies = (tx: Tx, schema: string, uris: readonly string[]): Promise<readonly ReplyLine[]> =>
  run<ReplyLine>(tx, {
    name: `load_replies_${schema}`,
    text: `select r.*, q.uri is not null or d.uri is not null as "parentFound",
        case when q.uri is not null then q."replyRoot" else d."replyRoot" end as "parentRoot",
        coalesce(case when q.uri is not null then q."invalidReplyRoot" else d.invalid end, false) as "parentInvalid"
      from (
        select p.uri, p.creator, p."replyRoot" as root, p."replyParent" as parent, p."createdAt", p."indexedAt",
            coalesce(p."invalidReplyRoot", false) as invalid, coalesce(p."violatesThreadGate", false) as violates, false as deleted
          from ${schema}.post p where p.uri = any($1::text[])
        union all select g.uri, '', g."replyRoot", g."replyParent", '', '', g.invalid, false, true
          from millrace.deleted_post g where g.uri = any($1::text[]) and ${IS_PLACED('g')}
            and not exists (select 1 from ${schema}.post p where p.uri = g.uri)) r
        left join ${schema}.post q on q.uri = r.parent
        left join millrace.deleted_post d on d.uri = r.parent and ${IS_PLACED('d')}
      where r.parent is not null and r.root is not null
      order by r.uri`,
    values: [uris],
  })

/** It was deleted, and where it hung is known. */
const IS_PLACED = (line: string): string => `${line}."deletedAt" is not null and ${line}.seen is not null`

/**
 * Writes verdicts on replies, which are held. One that stands otherwise than it was judged to, or was made anew meanwhile, is left
 * to the next look.
 */
export const settleReplies = async (
  tx: Tx,
  schema: string,
  verdicts: readonly ReplyVerdict[],
  deltas: Deltas,
): Promise<void> => {
  const alive = verdicts.filter(({ deleted }) => !deleted)
  const written = new Set(await writeFlags(tx, schema, alive))
  for (const { uri, violates, nowViolates, parent } of alive) {
    if (written.has(uri) && violates !== nowViolates)
      deltas.add('post_agg', parent, 'replyCount', nowViolates ? -1 : 1)
  }
  await writeFlagsOfDeleted(
    tx,
    verdicts.filter(({ deleted }) => deleted),
  )
}

/** Resolves with those that were written. */
const writeFlags = async (
  tx: Tx,
  schema: string,
  verdicts: readonly ReplyVerdict[],
): Promise<readonly string[]> => {
  if (verdicts.length === 0) return []
  return runForUris(tx, {
    name: `reply_flags_${schema}`,
    writes: 'post',
    text: `update ${schema}.post p set
        "invalidReplyRoot" = case when i.invalid or i.violates then i.invalid end,
        "violatesThreadGate" = case when i.invalid or i.violates then i.violates end
      from unnest($1::text[], $2::boolean[], $3::boolean[], $4::boolean[], $5::boolean[])
        as i(uri, "wasInvalid", "didViolate", invalid, violates)
      where p.uri = i.uri and coalesce(p."invalidReplyRoot", false) = i."wasInvalid"
        and coalesce(p."violatesThreadGate", false) = i."didViolate" returning p.uri`,
    values: [
      verdicts.map(({ uri }) => uri),
      verdicts.map(({ invalid }) => invalid),
      verdicts.map(({ violates }) => violates),
      verdicts.map(({ nowInvalid }) => nowInvalid),
      verdicts.map(({ nowViolates }) => nowViolates),
    ],
  })
}

const writeFlagsOfDeleted = async (tx: Tx, verdicts: readonly ReplyVerdict[]): Promise<void> => {
  if (verdicts.length === 0) return
  await run(tx, {
    name: 'deleted_post_flags',
    text: `update millrace.deleted_post d set invalid = i.invalid
      from unnest($1::text[], $2::boolean[]) as i(uri, invalid) where d.uri = i.uri`,
    values: [verdicts.map(({ uri }) => uri), verdicts.map(({ nowInvalid }) => nowInvalid)],
  })
}
