/** The tables as a history leaves them, and a batch applied with all that the identity worker does after it: to compare two ways of arrival. */
import type { Pool } from '../db/pool.ts'
import type { StreamEvent } from '../event/event.ts'
import { purgeAccount } from './purge.ts'
import { apply, rowsOf, type TableRow } from './testing.ts'
import { MARK } from './testing-history.ts'

const TABLES = [
  'record',
  'post',
  'post_embed_record',
  'feed_item',
  'quote',
  'op_thread_reply',
  'like',
  'repost',
  'follow',
  'actor_block',
  'list_item',
  'verification',
  'profile',
  'thread_gate',
  'post_gate',
  'duplicate_record',
  'actor_sync',
  'post_agg',
  'profile_agg',
  'notification',
]

/** A line of aggregates that has come down to 0 says the same as none: the AppView reads 0 for an absent one. */
const saysSomething = (table: string, row: TableRow): boolean =>
  !table.endsWith('_agg') || Object.values(row).some((value) => typeof value === 'number' && value !== 0)

/** The rows of one run, as if its mark were that of all. */
export const readTables = async (pool: Pool, mark: string): Promise<Record<string, string[]>> => {
  const read = async (table: string) => {
    const name = `${pool.schema}."${table}"`
    const text = `select * from ${name} t where t::text like '%${mark}%'`
    const { rows } = await pool.query<TableRow>({ text })
    const lines = rows
      .filter((row) => saysSomething(table, row))
      .map(({ id: _, ...row }) => JSON.stringify(row))
    return [table, lines.map((line) => line.replaceAll(mark, MARK)).sort()] as const
  }
  return Object.fromEntries(await Promise.all(TABLES.map(read)))
}

/** One batch, and what the identity worker does when it finds that an account was really deleted, also when a batch raced it. */
export const applyBatch = async (pool: Pool, batch: readonly StreamEvent[]): Promise<void> => {
  const { voided } = await apply(pool, batch)
  for (const event of batch)
    if (event.type === 'account' && event.status === 'deleted')
      await purgeAccount(pool, event.did, event.time)
  for (const did of new Set(voided.map((change) => change.did))) {
    const [line] = await rowsOf(pool, 'millrace.account', { did })
    await purgeAccount(pool, did, line?.['deletedAt'] as string)
  }
}
