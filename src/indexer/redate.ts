/**
 * When a record came: live, if it ever did. What a backfill brought is dated by its fetch; where the event that told of this
 * very version arrives after it, in the same batch or any later one, the record takes the date of that event. Of several such
 * events the last one counts, as in the order of the stream. Law: only what `millrace.record_rev` knows as fetched is dated
 * anew.
 */
import type { Change } from './plan.ts'
import { run, type Tx } from './sql.ts'

/** Values of `millrace.record_rev.dating`. */
export const DATED_LIVE = 0
export const DATED_BY_FETCH = 1
const DATED_LATE = 2

/** A backfill of the version that stands leaves its date; but what happened up to the fetch may still come, and be newer. */
export const keepDating = async (tx: Tx, unchanged: readonly Change[]): Promise<void> => {
  if (unchanged.length === 0) return
  await run(tx, {
    name: 'keep_dating',
    text: `update millrace.record_rev set dating = case when "formerDating" = ${DATED_BY_FETCH} then ${DATED_BY_FETCH} else ${DATED_LATE} end
      where key = any($1::uuid[])`,
    values: [unchanged.map(({ key }) => key)],
  })
}

/** Resolves with those of the changes, told live and overtaken by a backfill, whose version is the one that stands. */
export const redate = async (
  tx: Tx,
  schema: string,
  overtaken: readonly Change[],
): Promise<readonly Change[]> => {
  const told = overtaken.filter(({ live, put }) => live && put !== null)
  if (told.length === 0) return []
  // A statement of its own: the next one sees what was committed while this one waited.
  const held = await run<{ key: string }>(tx, {
    name: 'hold_fetched',
    text: `select key from millrace.record_rev where key = any($1::uuid[]) and dating in (${DATED_BY_FETCH}, ${DATED_LATE}) and not deleted order by key for update`,
    values: [told.map(({ key }) => key)],
  })
  if (held.length === 0) return []
  const fetched = new Set(held.map(({ key }) => key))
  const candidates = told.filter(({ key }) => fetched.has(key))
  const dated = await run<{ key: string; at: string }>(tx, {
    name: `redate_${schema}`,
    text: `with i as (
        select i.key, max(i.at) as at from unnest($1::uuid[], $2::text[], $3::text[], $4::text[]) as i(key, uri, cid, at)
          join ${schema}.record t on t.uri = i.uri and t.cid = i.cid
          join millrace.record_rev r on r.key = i.key and (r.dating = ${DATED_BY_FETCH} or i.at > t."indexedAt")
        group by i.key)
      update millrace.record_rev r set dating = ${DATED_LATE} from i where r.key = i.key returning r.key::text, i.at`,
    values: [
      candidates.map(({ key }) => key),
      candidates.map(({ uri }) => uri),
      candidates.map(({ put }) => put?.cid),
      candidates.map(({ at }) => at),
    ],
  })
  const at = new Map(dated.map((line) => [line.key, line.at]))
  const chosen = candidates.filter((change) => at.get(change.key) === change.at)
  return [...new Map(chosen.map((change) => [change.key, change])).values()]
}
