/**
 * Which rows each aggregate counts, read off the declarations of the collections: what writes the deltas is also what a recount
 * goes by. Owns no rule of its own.
 */
import { AGGREGATE_KEYS } from './aggregates.ts'
import type { Collection, CountRule } from './collection.ts'
import { COLLECTIONS } from './collections/index.ts'

/** A rule with the table whose rows it counts. */
export type CountSource = CountRule & { readonly source: string }

export type Aggregate = {
  readonly table: CountRule['table']
  /** Its key column. */
  readonly key: string
  readonly columns: readonly string[]
  readonly sources: readonly CountSource[]
}

const sourcesOf = ({ table, counts = [], satellites = [] }: Collection): CountSource[] => [
  ...(table ? counts.map((rule) => ({ ...rule, source: table })) : []),
  ...satellites.flatMap((satellite) =>
    (satellite.counts ?? []).map((rule) => ({ ...rule, source: satellite.table })),
  ),
]

/** Columns that nobody declares to count (bookmarkCount) are none of ours. */
export const aggregatesOf = (collections: readonly Collection[]): readonly Aggregate[] => {
  const byTable = Map.groupBy(collections.flatMap(sourcesOf), ({ table }) => table)
  return [...byTable].map(([table, sources]) => ({
    table,
    key: AGGREGATE_KEYS[table],
    columns: [...new Set(sources.map(({ column }) => column))],
    sources,
  }))
}

export const AGGREGATES = aggregatesOf(COLLECTIONS)
export const AGGREGATE_COLUMNS: readonly string[] = AGGREGATES.flatMap(({ columns }) => columns)
