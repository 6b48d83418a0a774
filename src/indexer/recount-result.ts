/** What the last complete recount found, kept in `millrace.meta` so that every indexer exports it. */
import { sqlState } from '../db/sql-error.ts'
import { AGGREGATE_COLUMNS } from './count-sources.ts'
import { run, type Tx } from './sql.ts'

export type RecountResult = {
  /** When it ended. */
  readonly timeSeconds: number
  /** Wrong figures it found, by column. */
  readonly found: Readonly<Record<string, number>>
}

const KEY = 'recount'

/** False where the database user may read only: then there is nobody to tell. */
export const keepResult = async (tx: Tx, result: RecountResult): Promise<boolean> => {
  try {
    await run(tx, {
      name: 'keep_recount',
      text: `insert into millrace.meta (key, value) values ('${KEY}', $1)
        on conflict (key) do update set value = excluded.value`,
      values: [JSON.stringify(result)],
    })
    return true
  } catch (error) {
    if (['42501', '25006'].includes(sqlState(error) ?? '')) return false
    throw error
  }
}

/** null: none was made yet, or it left something that this version does not understand. */
export const readResult = async (tx: Tx): Promise<RecountResult | null> => {
  const [line] = await run<{ value: string | null }>(tx, {
    name: 'last_recount',
    text: `select value from millrace.meta where key = '${KEY}'`,
    values: [],
  })
  return line?.value ? parseResult(line.value) : null
}

const parseResult = (text: string): RecountResult | null => {
  try {
    const { timeSeconds, found } = JSON.parse(text) as Partial<RecountResult>
    if (typeof timeSeconds !== 'number' || typeof found !== 'object' || found === null) return null
    const figures = AGGREGATE_COLUMNS.map((column) => [column, Number(found[column] ?? NaN)] as const)
    return { timeSeconds, found: Object.fromEntries(figures) }
  } catch {
    return null
  }
}
