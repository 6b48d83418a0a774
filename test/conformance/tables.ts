/** The AppView's tables as sets of rows by key, and where two of them differ. Knows no reason for any difference: see rules.ts. */
import type { Pool } from '../../src/db/pool.ts'

export type Row = Readonly<Record<string, unknown>>
export type Tables = Readonly<Record<string, readonly Row[]>>

/** What makes a row of a table the same row on both sides; where it is not said, its uri. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  actor: ['did'],
  actor_sync: ['did'],
  profile_agg: ['did'],
  post_embed_image: ['postUri', 'position'],
  post_embed_gallery_image: ['postUri', 'position'],
  post_embed_external: ['postUri'],
  post_embed_record: ['postUri', 'embedUri'],
  post_embed_video: ['postUri'],
  op_thread_reply: ['rootUri', 'uri'],
  label: ['src', 'uri', 'cid', 'val'],
  notification: ['did', 'author', 'recordUri', 'reason', 'reasonSubject'],
}

/** The column of a difference that is a whole row, there on one side only. */
export const ROW = 'row'

export type Difference = {
  readonly table: string
  readonly ours: Row | null
  readonly theirs: Row | null
  /** Where the two rows differ; `ROW` alone when one of them is missing. */
  readonly columns: readonly string[]
}

/** JSON columns parsed, the notification's serial number left out: the form of the golden file. */
const readTable = async (pool: Pool, table: string): Promise<readonly Row[]> => {
  const { rows } = await pool.query<Row>({ text: `select * from ${pool.schema}."${table}"` })
  if (table === 'notification') return rows.map(({ id: _id, ...rest }) => rest)
  if (table !== 'record') return rows
  return rows.map((row) => ({ ...row, json: JSON.parse(row['json'] as string) as unknown }))
}

export const readTables = async (pool: Pool, names: readonly string[]): Promise<Tables> =>
  Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readTable(pool, name)] as const)),
  )

/** Rows by key; a key that occurs several times (notifications may) gets a number. */
const byKey = (table: string, rows: readonly Row[]): Map<string, Row> => {
  const found = new Map<string, Row>()
  for (const row of rows) {
    const key = JSON.stringify((KEYS[table] ?? ['uri']).map((column) => row[column]))
    let numbered = key
    for (let n = 2; found.has(numbered); n++) numbered = `${key} ${n}`
    found.set(numbered, row)
  }
  return found
}

const canonical = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(canonical)
    : typeof value === 'object' && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, inner]) => [key, canonical(inner)]),
        )
      : value

const same = (a: unknown, b: unknown): boolean =>
  a === b || JSON.stringify(canonical(a)) === JSON.stringify(canonical(b))

const compareRow = (table: string, ours: Row | null, theirs: Row | null): Difference[] => {
  if (ours === null || theirs === null) return [{ table, ours, theirs, columns: [ROW] }]
  const names = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])]
  const columns = names.filter((name) => !same(ours[name], theirs[name]))
  return columns.length === 0 ? [] : [{ table, ours, theirs, columns }]
}

export const differences = (ours: Tables, theirs: Tables): Difference[] =>
  Object.keys(theirs).flatMap((table) => {
    const mine = byKey(table, ours[table] ?? [])
    const other = byKey(table, theirs[table] ?? [])
    return [...new Set([...mine.keys(), ...other.keys()])].flatMap((key) =>
      compareRow(table, mine.get(key) ?? null, other.get(key) ?? null),
    )
  })
