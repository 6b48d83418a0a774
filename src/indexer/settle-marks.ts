/** `hasThreadGate` and `hasPostGate`: true while the gate exists, false once it was deleted, null when there never was one. */
import { gateUriOf, type GateKind } from './gate-versions.ts'
import { recordKeyOfUri } from './plan.ts'
import { run, runForUris, type Tx } from './sql.ts'

const KINDS: readonly GateKind[] = ['threadgate', 'postgate']

/** SQL: `m(uri, thread, post)`, the marks that the posts `$1` should have, whose gates have the keys `$2` and `$3`. */
const marksSql = (schema: string): string => `select i.uri,
    case when t.uri is not null then true when a.deleted then false end as thread,
    case when g.uri is not null then true when b.deleted then false end as post
  from unnest($1::text[], $2::uuid[], $3::uuid[]) as i(uri, threadkey, postkey)
    left join ${schema}.thread_gate t on t."postUri" = i.uri
    left join ${schema}.post_gate g on g."postUri" = i.uri
    left join millrace.record_rev a on a.key = i.threadkey
    left join millrace.record_rev b on b.key = i.postkey`
const IS_OTHERWISE = 'p."hasThreadGate" is distinct from m.thread or p."hasPostGate" is distinct from m.post'

const valuesOf = (uris: readonly string[]): readonly unknown[] => [
  uris,
  ...KINDS.map((kind) => uris.map((uri) => recordKeyOfUri(gateUriOf(uri, kind)))),
]

/** Which of these posts should be marked otherwise than they are. */
export const judgeMarks = async (
  tx: Tx,
  schema: string,
  uris: readonly string[],
): Promise<readonly string[]> => {
  if (uris.length === 0) return []
  return runForUris(tx, {
    name: `judge_marks_${schema}`,
    text: `select p.uri from (${marksSql(schema)}) m join ${schema}.post p on p.uri = m.uri where ${IS_OTHERWISE}`,
    values: valuesOf([...new Set(uris)]),
  })
}

/** Marks posts, which are held. */
export const settleMarks = async (tx: Tx, schema: string, held: readonly string[]): Promise<void> => {
  if (held.length === 0) return
  await run(tx, {
    name: `settle_marks_${schema}`,
    writes: 'post',
    text: `update ${schema}.post p set "hasThreadGate" = m.thread, "hasPostGate" = m.post
      from (${marksSql(schema)}) m where p.uri = m.uri and (${IS_OTHERWISE})`,
    values: valuesOf(held),
  })
}
