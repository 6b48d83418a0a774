/**
 * The statements of a recount, made from an aggregate's declaration. Law: a comparison is one statement, hence one snapshot; rows and
 * the deltas they cause are committed together, so a snapshot holds both or neither, and what differs in it is wrong.
 */
import type { Statement } from '../db/queryable.ts'
import type { Aggregate, CountSource } from './count-sources.ts'

/** Keys above `after` (null: from the first) up to and with `upTo` (null: to the last). */
export type Range = { readonly after: string | null; readonly upTo: string | null }

/** A line of a comparison: `keys` and `rows` of the whole range, and of one wrong key the figures by the number of the column. */
export type Compared = Readonly<Record<string, number | string | null>> & {
  readonly keys: number
  readonly rows: number
  readonly key: string | null
}

type Condition = (column: string) => string

const isAfter = (column: string, after: string | null): string =>
  `${column} ${after === null ? '>=' : '>'} $1::text`

const inRange =
  ({ after, upTo }: Range): Condition =>
  (column) =>
    `${isAfter(column, after)}${upTo === null ? '' : ` and ${column} <= $2::text`}`

const quoted = (name: string): string => `"${name}"`
const counts = ({ unless }: CountSource): string => (unless ? ` and ${quoted(unless)} is not true` : '')

/**
 * Where a range ends that begins after `after`: no table has more than `rows` rows in it, besides those of its last key. Reads
 * indexes only, and never further than that.
 */
export const boundary = (
  schema: string,
  { table, key, sources }: Aggregate,
  after: string | null,
  rows: number,
): Statement => {
  const places = [[table, key], ...sources.map(({ source, by }) => [source, by])] as [string, string][]
  const ends = places.map(
    ([from, column]) =>
      `(select ${quoted(column)}::text from ${schema}.${quoted(from)} where ${isAfter(quoted(column), after)}
        order by ${quoted(column)} offset $2 limit 1)`,
  )
  return { text: `select least(${ends.join(',\n')}) as "upTo"`, values: [after ?? '', rows - 1] }
}

/** `lines`: what is stored beside what is counted, a missing line as zeros. `wrong`: those that differ. */
const lines = (schema: string, aggregate: Aggregate, condition: Condition): string => {
  const { table, key, columns, sources } = aggregate
  const counted = sources.map(
    (
      source,
    ) => `select ${quoted(source.by)}::text as key, ${columns.indexOf(source.column)} as which, count(*) as n
        from ${schema}.${quoted(source.source)} where ${condition(quoted(source.by))}${counts(source)} group by 1`,
  )
  const figures = columns.map(
    (column, i) => `coalesce(a.${quoted(column)}, 0) as s${i}, coalesce(c.c${i}, 0)::bigint as c${i}`,
  )
  return `each as (${counted.join('\n union all ')}),
    counted as (select key, sum(n) as n, ${columns.map((_, i) => `sum(n) filter (where which = ${i}) as c${i}`).join(', ')}
      from each group by key),
    stored as (select ${quoted(key)}::text as key, ${columns.map(quoted).join(', ')}
      from ${schema}.${quoted(table)} where ${condition(quoted(key))}),
    lines as (select coalesce(a.key, c.key) as key, coalesce(c.n, 0) as n, ${figures.join(', ')}
      from stored a full join counted c on c.key = a.key),
    wrong as (select * from lines where ${columns.map((_, i) => `s${i} <> c${i}`).join(' or ')})`
}

/** At least one line: the totals are told also where nothing is wrong. */
export const compareRange = (schema: string, aggregate: Aggregate, range: Range): Statement => ({
  text: `with ${lines(schema, aggregate, inRange(range))}
    select t.keys, t.rows, w.key, ${aggregate.columns.map((_, i) => `w.s${i}, w.c${i}`).join(', ')}
      from (select count(*) as keys, coalesce(sum(n), 0)::bigint as rows from lines) t
        left join wrong w on true order by w.key`,
  values: [range.after ?? '', ...(range.upTo === null ? [] : [range.upTo])],
})

/** Holds the lines of these keys, made where missing, in the order of the writers; changes no figure. */
export const hold = (schema: string, { table, key }: Aggregate, keys: readonly string[]): Statement => ({
  text: `insert into ${schema}.${table} as t (${key}) select i.key from unnest($1::text[]) as i(key) order by i.key
    on conflict (${key}) do update set ${key} = excluded.${key} where false`,
  values: [keys],
})

/** Once more, of keys that are held, and the right figures in the place of the wrong ones. */
export const compareAndMend = (schema: string, aggregate: Aggregate, keys: readonly string[]): Statement => {
  const { table, key, columns } = aggregate
  const right = columns.map((column, i) => `${quoted(column)} = w.c${i}`).join(', ')
  return {
    text: `with ${lines(schema, aggregate, (column) => `${column} = any($1::text[])`)}
    update ${schema}.${table} a set ${right} from wrong w where a.${key} = w.key`,
    values: [keys],
  }
}
