/**
 * The figures of the embedded log. Its counters move in the transactions that change what they count, and nobody else can
 * touch the file, so every figure is exact and nothing is ever lost before delivery.
 */
import { statfs } from 'node:fs/promises'
import {
  ABANDONED_AFTER_MS,
  PENDING_SAMPLE,
  type StoreFigures,
  type StreamFigures,
  type Watched,
} from '../figures.ts'
import type { Reader } from '../log.ts'
import type { Entries } from './entries.ts'
import { millisOf } from './entry-id.ts'
import type { Catalog, Group } from './schema.ts'
import type { Sql } from './sqlite.ts'

/** When each consumer was last heard of. In memory: after a restart nobody has been heard of yet. */
export class Presence {
  readonly #heard = new Map<string, Map<string, number>>()

  hear({ stream, group, consumer }: Reader): void {
    const key = JSON.stringify([stream, group])
    const consumers = this.#heard.get(key) ?? new Map<string, number>()
    this.#heard.set(key, consumers.set(consumer, Date.now()))
  }

  /** Those heard of within the time after which a silent one has abandoned its entries. */
  active(stream: string, group: string, silentMs: number): ReadonlySet<string> {
    const since = Date.now() - silentMs
    const consumers = this.#heard.get(JSON.stringify([stream, group])) ?? new Map<string, number>()
    return new Set([...consumers].filter(([, at]) => at >= since).map(([name]) => name))
  }
}

export type FiguresSource = {
  readonly sql: Sql
  readonly catalog: Catalog
  readonly entries: Entries
  readonly presence: Presence
}

export const streamFigures = (source: FiguresSource, watched: Watched): StreamFigures => {
  const { stream, group, deadLetterStream, abandonedAfterMs = ABANDONED_AFTER_MS } = watched
  const { sql, catalog, entries, presence } = source
  const { length, oldestAgeMs } = entries.streamStats(stream)
  const { lag, pending, oldestPendingIdleMs } = entries.groupStats(stream, group)
  const found = catalog.findGroup(stream, group)
  const active = presence.active(stream, group, abandonedAfterMs)
  return {
    entries: length,
    oldestEntryAgeMs: oldestAgeMs,
    undelivered: lag,
    oldestUndeliveredAgeMs: found === null ? 0 : oldestUndelivered(sql, found.stream.table, found.group.id),
    pending,
    oldestPendingIdleMs,
    mostDeliveries: found === null ? 0 : mostDeliveries(sql, found.group),
    consumers: {
      active: active.size,
      abandoned: found === null ? 0 : abandoned(sql, found.group, { active, abandonedAfterMs }),
    },
    deadLetters: deadLetterStream === null ? 0 : entries.streamStats(deadLetterStream).length,
    isGroupAhead: false,
    lost: 0,
  }
}

const oldestUndelivered = (sql: Sql, table: string, group: number): number => {
  const row = sql.get<{ key: number | null }>(
    `SELECT min(key) AS key FROM ${table} WHERE key > (SELECT last_key FROM consumer_group WHERE id = ?)`,
    group,
  )
  const key = row?.key ?? null
  return key === null ? 0 : Math.max(0, Date.now() - millisOf(key))
}

const mostDeliveries = (sql: Sql, { table }: Group): number =>
  sql.get<{ most: number | null }>(
    `SELECT max(deliveries) AS most FROM (SELECT deliveries FROM ${table} ORDER BY key LIMIT ${PENDING_SAMPLE})`,
  )?.most ?? 0

/** Among the entries that wait longest, those of consumers that nobody has heard of. */
const abandoned = (
  sql: Sql,
  { table }: Group,
  { active, abandonedAfterMs }: { active: ReadonlySet<string>; abandonedAfterMs: number },
): number => {
  const rows = sql.all<{ consumer: string }>(
    `SELECT DISTINCT consumer FROM (
       SELECT consumer FROM ${table} WHERE delivered_at < ? ORDER BY delivered_at LIMIT ${PENDING_SAMPLE})`,
    Date.now() - abandonedAfterMs,
  )
  return rows.filter(({ consumer }) => !active.has(consumer)).length
}

/** Never unsafe: it evicts nothing, commits to disk, and its limit is the disk, whose space is in the capacity. */
export const storeFigures = async (
  { sql }: FiguresSource,
  path: string,
  fileBytes: number,
): Promise<StoreFigures> => {
  const begin = performance.now()
  const limit = sql.get<{ max_page_count: number }>('PRAGMA max_page_count')?.max_page_count ?? Infinity
  const pageBytes = sql.get<{ page_size: number }>('PRAGMA page_size')?.page_size ?? 0
  const pingMs = performance.now() - begin
  const disk = await statfs(path)
  const room = fileBytes + disk.bavail * disk.bsize
  return {
    usedBytes: fileBytes,
    capacityBytes: Math.min(room, limit * pageBytes),
    pingMs,
    safety: { eviction: true, persistence: true, memoryLimit: true },
  }
}
