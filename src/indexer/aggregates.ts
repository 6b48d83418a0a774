/**
 * Aggregates as exact deltas of the rows that really changed, written in the same transaction, keys sorted. Owns the sums of
 * one batch; knows nothing of where the rows came from.
 */
import type { CountRule, Row } from './collection.ts'
import { run, type Tx } from './sql.ts'

const COLUMNS = {
  post_agg: ['likeCount', 'replyCount', 'repostCount', 'quoteCount'],
  profile_agg: ['followersCount', 'followsCount', 'postsCount'],
} as const
export const AGGREGATE_KEYS = { post_agg: 'uri', profile_agg: 'did' } as const

export class Deltas {
  readonly #sums = {
    post_agg: new Map<string, Map<string, number>>(),
    profile_agg: new Map<string, Map<string, number>>(),
  }

  add(table: CountRule['table'], key: string, column: string, by: number): void {
    const line = this.#sums[table].get(key) ?? new Map<string, number>()
    line.set(column, (line.get(column) ?? 0) + by)
    this.#sums[table].set(key, line)
  }

  /** Counts `row` in (+1) or out (-1) under each rule that applies to it. */
  addRow(rules: readonly CountRule[], row: Row, by: 1 | -1): void {
    for (const rule of rules) {
      const key = row[rule.by]
      if (typeof key === 'string' && !(rule.unless && row[rule.unless] === true))
        this.add(rule.table, key, rule.column, by)
    }
  }

  async write(tx: Tx, schema: string): Promise<void> {
    await this.#writeTable(tx, schema, 'post_agg')
    await this.#writeTable(tx, schema, 'profile_agg')
  }

  async #writeTable(tx: Tx, schema: string, table: CountRule['table']): Promise<void> {
    const lines = [...this.#sums[table]].filter(([, line]) => [...line.values()].some((by) => by !== 0))
    if (lines.length === 0) return
    const columns = COLUMNS[table]
    const key = AGGREGATE_KEYS[table]
    const names = columns.map((column) => `"${column}"`)
    await run(tx, {
      name: `count_${schema}_${table}`,
      writes: table,
      text: `insert into ${schema}.${table} as t (${key}, ${names.join(', ')})
        select * from unnest($1::text[], ${columns.map((_, index) => `$${index + 2}::bigint[]`).join(', ')}) as i(key)
        order by i.key
        on conflict (${key}) do update set ${names.map((name) => `${name} = t.${name} + excluded.${name}`).join(', ')}`,
      values: [
        lines.map(([uri]) => uri),
        ...columns.map((column) => lines.map(([, line]) => line.get(column) ?? 0)),
      ],
    })
  }
}
