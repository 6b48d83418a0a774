/** The captured network (test/fixtures/network): its frames, its repositories, and the rows the reference indexer made of them. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Pool } from '../../src/db/pool.ts'

export const NETWORK_DIR = join(import.meta.dirname, '../fixtures/network')

/** The collections of the capture: the default filter and one of another app that the reference keeps. */
export const NETWORK_COLLECTIONS = ['app.bsky.*', 'chat.bsky.*', 'com.germnetwork.*']

const json = (name: string): unknown => JSON.parse(readFileSync(join(NETWORK_DIR, name), 'utf8'))

export type GoldenRow = Readonly<Record<string, unknown>>
export const golden = json('golden.json') as Readonly<Record<string, readonly GoldenRow[]>>

/** Raw messages: u32 big-endian length, then the bytes. */
export const readFrames = (name: string): Buffer[] => {
  const file = readFileSync(join(NETWORK_DIR, name))
  const frames: Buffer[] = []
  for (let at = 0; at < file.length;) {
    const end = at + 4 + file.readUInt32BE(at)
    frames.push(file.subarray(at + 4, end))
    at = end
  }
  return frames
}

/** A table as the golden file writes it: JSON columns parsed, the notification's id left out. */
export const readTable = async (pool: Pool, table: string): Promise<GoldenRow[]> => {
  const { rows } = await pool.query<GoldenRow>({ text: `select * from ${pool.schema}."${table}"` })
  return rows.map((row) => {
    const { id: _id, ...rest } = row
    return table === 'record'
      ? { ...rest, json: JSON.parse(row['json'] as string) as unknown }
      : table === 'notification'
        ? rest
        : row
  })
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

/** What the golden file masks with `*` is masked here too. */
const masked = (row: GoldenRow, mask: readonly string[]): GoldenRow =>
  Object.fromEntries(Object.entries(row).map(([key, value]) => [key, mask.includes(key) ? '*' : value]))

export type Difference = { readonly only: 'ours' | 'golden'; readonly row: GoldenRow }

/** Rows that are in one of the two and not, or not so often, in the other; `ignore` names columns left out of the comparison. */
export const compareRows = (
  ours: readonly GoldenRow[],
  theirs: readonly GoldenRow[],
  ignore: readonly string[] = [],
): Difference[] => {
  const text = (row: GoldenRow) => JSON.stringify(canonical(masked(row, ignore)))
  const counts = new Map<string, { row: GoldenRow; balance: number }>()
  const add = (row: GoldenRow, by: number) => {
    const key = text(row)
    const line = counts.get(key) ?? { row, balance: 0 }
    counts.set(key, { row: line.row, balance: line.balance + by })
  }
  for (const row of ours) add(row, 1)
  for (const row of theirs) add(row, -1)
  return [...counts.values()].flatMap(({ row, balance }) =>
    Array.from({ length: Math.abs(balance) }, () => ({ only: balance > 0 ? ('ours' as const) : ('golden' as const), row })),
  )
}
