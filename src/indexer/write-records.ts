/**
 * Table `record`, for changes whose revs have been guarded: what is new, what replaces, what goes. Hands back what records
 * said before, of collections whose past is kept; nothing else remembers it.
 */
import type { JsonObject } from '../event/event.ts'
import { PAST_COLLECTIONS } from './collections/index.ts'
import type { Former } from './past.ts'
import type { Change, PlannedPut } from './plan.ts'
import { insertRows, run, type Tx } from './sql.ts'

export type Written = Change & { readonly put: PlannedPut }
const isPut = (change: Change): change is Written => change.put !== null

type Line = {
  readonly uri: string
  readonly cid: string
  readonly indexedAt: string
  readonly json: string | null
}

/** The text of a record whose past nobody asks for is not worth its way. */
const keptJson = (alias: string): string =>
  `case when split_part(${alias}.uri, '/', 4) in (${PAST_COLLECTIONS.map((nsid) => `'${nsid}'`).join(', ')}) then ${alias}.json end as json`

/**
 * A backfill of the very version that is stored asks for nothing more: when the record came live is known
 * better. Told live, the same version again (there and back within a batch) is news like any other, whether or not we saw
 * what was in between.
 */
export const writeRecords = async (tx: Tx, schema: string, applied: readonly Change[]) => {
  const puts = applied.filter(isPut)
  const rows = puts.map(({ put: { uri, cid, did, json, indexedAt } }) => ({ uri, cid, did, json, indexedAt }))
  const inserted = await insertRows(tx, {
    schema,
    table: 'record',
    rows,
    orderBy: ['uri'],
    returning: ['uri'],
  })
  const isFresh = new Set(inserted.map(({ uri }) => uri))
  const present = puts.filter(({ uri }) => !isFresh.has(uri))
  const changed = await updateRecords(tx, schema, present)
  return {
    fresh: puts.filter(({ uri }) => isFresh.has(uri)),
    replaced: present.filter(({ uri }) => changed.has(uri)),
    unchanged: present.filter(({ uri }) => !changed.has(uri)),
    former: formerOf(changed),
  }
}

const updateRecords = async (
  tx: Tx,
  schema: string,
  puts: readonly Written[],
): Promise<ReadonlyMap<string, Line>> => {
  if (puts.length === 0) return new Map()
  const lines = await run<Line>(tx, {
    name: `update_${schema}_record`,
    writes: 'record',
    text: `update ${schema}.record t set cid = i.cid, json = i.json, "indexedAt" = i."indexedAt"
      from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[]) as i(uri, cid, json, "indexedAt", live)
        join ${schema}.record o on o.uri = i.uri
      where t.uri = i.uri and (t.cid <> i.cid or i.live) returning o.uri, o.cid, o."indexedAt", ${keptJson('o')}`,
    values: [
      puts.map(({ uri }) => uri),
      puts.map(({ put }) => put.cid),
      puts.map(({ put }) => put.json),
      puts.map(({ put }) => put.indexedAt),
      puts.map(({ live }) => live),
    ],
  })
  return new Map(lines.map((line) => [line.uri, line]))
}

export const deleteRecords = async (tx: Tx, schema: string, applied: readonly Change[]) => {
  const deletes = applied.filter((change) => !isPut(change))
  if (deletes.length === 0) return { removed: [], former: new Map() as Former }
  const lines = await run<Line>(tx, {
    name: `delete_${schema}_record`,
    writes: 'record',
    text: `delete from ${schema}.record t where t.uri = any($1::text[]) returning t.uri, t.cid, t."indexedAt", ${keptJson('t')}`,
    values: [deletes.map(({ uri }) => uri)],
  })
  const was = new Map(lines.map((line) => [line.uri, line]))
  return { removed: deletes.filter(({ uri }) => was.has(uri)), former: formerOf(was) }
}

const formerOf = (lines: ReadonlyMap<string, Line>): Former =>
  new Map(
    [...lines.values()].flatMap(({ uri, cid, indexedAt, json }) =>
      json === null ? [] : [[uri, { cid, indexedAt, record: JSON.parse(json) as JsonObject }] as const],
    ),
  )
