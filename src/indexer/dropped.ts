/**
 * Table `millrace.dropped`: the last events that were dropped as invalid. Guarantees: bounded; an event that comes again adds
 * nothing; what an account did up to its deletion is not in it; writers never wait for each other here, for no key is unique and
 * who trims leaves what another one trims. Law: the last statement of its transaction.
 */
import type { DropLine } from './drop-line.ts'
import { run, type Tx } from './sql.ts'

/** Most lines per database. */
export const MAX_DROPPED = 10_000

const isVoid = (line: string) =>
  `exists (select 1 from millrace.account a where a.did = ${line}.did and a."deletedAt" >= coalesce(${line}.at, ''))`

export const keepDropped = async (tx: Tx, lines: readonly DropLine[]): Promise<void> => {
  if (lines.length === 0) return
  const kept = lines.slice(-MAX_DROPPED)
  await run(tx, {
    name: 'keep_dropped',
    text: `with fresh as (
        insert into millrace.dropped (key, did, uri, rev, at, reason, detail)
        select key, did, uri, rev, at, reason, detail
          from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
            with ordinality as i(key, did, uri, rev, at, reason, detail, place)
          where not exists (select 1 from millrace.dropped d where d.key = i.key) and not ${isVoid('i')}
          order by place returning number)
      delete from millrace.dropped where number in (
        select number from millrace.dropped where number <= (select max(number) from fresh) - ${MAX_DROPPED}
          for update skip locked)`,
    values: [
      kept.map(({ key }) => key),
      kept.map(({ did }) => did),
      kept.map(({ uri }) => uri),
      kept.map(({ rev }) => rev),
      kept.map(({ at }) => at),
      kept.map(({ reason }) => reason),
      kept.map(({ detail }) => detail),
    ],
  })
}

/** Part of an account's purge. */
export const forgetDropped = (tx: Tx, did: string, deletedAt: string) =>
  run(tx, {
    name: 'forget_dropped',
    text: `delete from millrace.dropped where did = $1 and coalesce(at, '') <= $2`,
    values: [did, deletedAt],
  })

export type Dropped = Omit<DropLine, 'key'> & { readonly seen: string }

export type DroppedQuery = {
  /** Empty: all. */
  readonly reasons: readonly string[]
  readonly did: string | null
  readonly limit: number
}

/** The newest first, and how many there are. What two writers wrote at once is one line; what a deletion overtook is none. */
export const listDropped = async (
  tx: Tx,
  { reasons, did, limit }: DroppedQuery,
): Promise<{ readonly total: number; readonly drops: readonly Dropped[] }> => {
  const lines = await run<Dropped & { total: number }>(tx, {
    name: 'list_dropped',
    text: `select count(*) over () as total, d.did, d.uri, d.rev, d.at, d.reason, d.detail,
        to_char(d.seen at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as seen
      from (select distinct on (key) * from millrace.dropped order by key, number) d
      where (cardinality($1::text[]) = 0 or d.reason = any($1::text[])) and ($2::text is null or d.did = $2) and not ${isVoid('d')}
      order by d.number desc limit $3`,
    values: [reasons, did, limit],
  })
  return { total: lines[0]?.total ?? 0, drops: lines.map(({ total: _, ...line }) => line) }
}
