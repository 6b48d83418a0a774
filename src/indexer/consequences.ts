/**
 * What follows from records together, settled until nothing is left to ask, and then told. Owns the order of the transactions:
 * a reply that depends on something of which nobody knew is written down first and judged again in the next transaction
 * (gate-facts.ts says why); notifications come last. Repeats harmlessly.
 */
import { isNothing, NOTHING_AFFECTED, type Affected, type Standing } from './affected.ts'
import { settlePostNotifications } from './post-notifications.ts'
import { settle, type Settled } from './settle.ts'
import { settleVerifications } from './settle-verifications.ts'
import { run, type Tx } from './sql.ts'

export type Transact = <T>(work: (tx: Tx) => Promise<T>) => Promise<T>

/** A pass per level of a thread whose flags change, and no further: posts that reply to one another in a circle have no end. */
const MAX_PASSES = 200

/** Resolves with the number of notifications written. */
export const settleAll = async (transact: Transact, schema: string, affected: Affected): Promise<number> => {
  const verified =
    affected.verifications.length === 0
      ? 0
      : await transact((tx) => settleVerifications(tx, schema, affected.verifications))
  if (isNothing(affected)) return verified
  const { concerned } = await settleDown((next) => transact((tx) => settle(tx, schema, next)), affected)
  return verified + (await transact((tx) => settlePostNotifications(tx, schema, concerned)))
}

type SettledDown = { readonly concerned: readonly string[]; readonly unsettled: Standing }

/** Pass by pass, until a look finds nothing that should stand otherwise. */
export const settleDown = async (
  pass: (affected: Affected) => Promise<Settled>,
  affected: Affected,
): Promise<SettledDown> => {
  const all: Settled[] = []
  for (let next = affected; all.length < MAX_PASSES && !isNothing(next);) {
    const settled = await pass(next)
    all.push(settled)
    next = { ...NOTHING_AFFECTED, questioned: settled.asked, unsettled: settled.unsettled }
  }
  const union = (uris: (settled: Settled) => readonly string[]) => [...new Set(all.flatMap(uris))]
  return {
    concerned: union(({ concerned }) => concerned),
    unsettled: {
      marks: union(({ unsettled }) => unsettled.marks),
      replies: union(({ unsettled }) => unsettled.replies),
      quotes: union(({ unsettled }) => unsettled.quotes),
      threads: union(({ unsettled }) => unsettled.threads),
    },
  }
}

/** What may answer a question: subjects that came or went, and keys of links that did so in an earlier delivery. */
export type Answers = { readonly subjects: readonly string[]; readonly keys: readonly string[] }

type Line = { readonly did: string | null; readonly deletedAt: string | null; readonly post: string | null }

/**
 * Asked after the facts of a batch are committed, in one statement: which of the accounts were deleted meanwhile, and which
 * posts had waited for something in the batch.
 */
export const findLate = async (
  tx: Tx,
  dids: readonly string[],
  { subjects, keys }: Answers,
): Promise<{ readonly deletions: ReadonlyMap<string, string>; readonly questioned: readonly string[] }> => {
  if (dids.length + subjects.length + keys.length === 0) return { deletions: new Map(), questioned: [] }
  const lines = await run<Line>(tx, {
    name: 'find_late',
    text: `select did, "deletedAt", null as post from millrace.account where did = any($1::text[]) and "deletedAt" is not null
      union all select null, null, post from millrace.gate_question where subject = any($2::uuid[])
      union all select null, null, q.post from millrace.past_link l join millrace.gate_question q on q.subject = l.link
        where l.key = any($3::uuid[])`,
    values: [dids, subjects, keys],
  })
  return {
    deletions: new Map(lines.flatMap(({ did, deletedAt }) => (did && deletedAt ? [[did, deletedAt]] : []))),
    questioned: [...new Set(lines.flatMap(({ post }) => post ?? []))],
  }
}
