/** The tables of both sides, row by row, judged by the rules of test/conformance. */
import type { Pool } from '../src/db/pool.ts'
import { miscounted } from '../test/conformance/counts.ts'
import type { History } from '../test/conformance/history.ts'
import { Judge, type Verdict } from '../test/conformance/judge.ts'
import type { Rule } from '../test/conformance/rule.ts'
import { readTables, type Row, type Tables } from '../test/conformance/tables.ts'

/** Filled by the AppView's private side (bsync, dashboards, moderation) or by nobody any more: not by the network. */
const NOT_OF_THE_NETWORK = [
  /^kysely_/,
  /^(activity_subscription|actor_state|bookmark|draft|mute|list_mute|thread_mute|private_data)$/,
  /^(blob_takedown|notification_push_token|bsync_cursor)$/,
  /^(subscription|did_cache|view_param|moderation_.*|suggested_.*|tagged_suggestion)$/,
]

/** Every table that the network fills, as the reference's schema has them. */
export const tablesOf = async (reference: Pool): Promise<string[]> => {
  const { rows } = await reference.query<{ name: string }>({
    text: "select table_name as name from information_schema.tables where table_schema = $1 and table_type = 'BASE TABLE' order by 1",
    values: [reference.schema],
  })
  const isPrivate = (name: string) => NOT_OF_THE_NETWORK.some((pattern) => pattern.test(name))
  return rows.map(({ name }) => name).filter((name) => !isPrivate(name))
}

/** What the reference takes from its own clock, as the golden file masks it. */
const masked = (tables: Tables): Tables => {
  const undated = new Set(
    (tables['record'] ?? []).flatMap(({ uri, json }) =>
      (json as Row | undefined)?.['createdAt'] === undefined ? [uri] : [],
    ),
  )
  return {
    ...tables,
    profile: (tables['profile'] ?? []).map((row) =>
      undated.has(row['uri']) ? { ...row, createdAt: '*' } : row,
    ),
    notification: (tables['notification'] ?? []).map((row) =>
      row['reason'] === 'unverified' ? { ...row, sortAt: '*' } : row,
    ),
  }
}

export type TableReport = {
  readonly table: string
  readonly ours: number
  readonly theirs: number
  readonly explained: number
  readonly unexplained: number
}

export type Comparison = Verdict & {
  readonly ours: Tables
  readonly theirs: Tables
  readonly tables: readonly TableReport[]
  readonly miscounted: readonly string[]
}

type Sides = {
  readonly ours: Pool
  readonly reference: Pool
  readonly history: History
  readonly rules: readonly Rule[]
}

export const compareTables = async ({ ours, reference, history, rules }: Sides): Promise<Comparison> => {
  const names = await tablesOf(reference)
  const mine = await readTables(ours, names)
  const theirs = masked(await readTables(reference, names))
  const verdict = new Judge(history, [], rules).weigh({ ours: mine, theirs })
  const count = (differences: Verdict['explained'], table: string) =>
    differences.filter((difference) => difference.table === table).length
  const tables = names.map((table) => ({
    table,
    ours: mine[table]?.length ?? 0,
    theirs: theirs[table]?.length ?? 0,
    explained: count(verdict.explained, table),
    unexplained: count(verdict.unexplained, table),
  }))
  return { ...verdict, ours: mine, theirs, tables, miscounted: miscounted(mine) }
}
