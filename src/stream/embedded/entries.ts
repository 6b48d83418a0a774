/**
 * What can be done to streams and groups, as synchronous steps inside a transaction of the caller. Law: an entry's row is
 * removed in the very step that makes the last group acknowledge it, so acknowledged entries take no space and nothing else
 * is ever removed.
 */
import type { Entry, Fields, GroupStats, PendingEntry, Reader, StreamStats } from '../log.ts'
import { firstKeyAt, formatId, millisOf, parseId, parsePosition } from './entry-id.ts'
import { fromColumns, toColumns, type FieldColumns } from './fields.ts'
import type { Catalog, Group, Stream } from './schema.ts'
import type { Sql } from './sqlite.ts'

type EntryRow = FieldColumns & { readonly key: number }

export type PendingQuery = { minIdleMs: number; maxEntries: number; afterId?: string; consumer?: string }

export class Entries {
  readonly #sql: Sql
  readonly #catalog: Catalog

  constructor(sql: Sql, catalog: Catalog) {
    this.#sql = sql
    this.#catalog = catalog
  }

  append(streamName: string, entries: readonly Fields[]): void {
    if (entries.length === 0) return
    const stream = this.#catalog.ensure(streamName)
    const last = this.#sql.get<{ last_key: number }>('SELECT last_key FROM stream WHERE id = ?', stream.id)
    let key = Math.max(firstKeyAt(Date.now()), (last?.last_key ?? 0) + 1)
    for (const fields of entries) {
      const { name, value } = toColumns(fields)
      this.#sql.run(`INSERT INTO ${stream.table} VALUES (?, ?, ?)`, key++, name, value)
    }
    this.#sql.run(
      'UPDATE stream SET last_key = ?, length = length + ? WHERE id = ?',
      key - 1,
      entries.length,
      stream.id,
    )
    this.#sql.run('UPDATE consumer_group SET lag = lag + ? WHERE stream = ?', entries.length, stream.id)
  }

  /** False when a read would find nothing, so that an idle reader opens no transaction. */
  hasUndelivered(streamName: string, groupName: string): boolean {
    const found = this.#catalog.findGroup(streamName, groupName)
    return found === null || this.#groupRow(found.group).lag > 0
  }

  deliver({ stream: streamName, group: groupName, consumer }: Reader, maxEntries: number): Entry[] {
    const { stream, group } = this.#catalog.ensureGroup(streamName, groupName)
    const rows = this.#sql.all<EntryRow>(
      `SELECT key, name, value FROM ${stream.table} WHERE key > ? ORDER BY key LIMIT ?`,
      this.#groupRow(group).last_key,
      maxEntries,
    )
    const last = rows.at(-1)
    if (last === undefined) return []
    const now = Date.now()
    for (const { key } of rows)
      this.#sql.run(`INSERT INTO ${group.table} VALUES (?, ?, ?, 1)`, key, consumer, now)
    this.#sql.run(
      'UPDATE consumer_group SET last_key = ?, lag = lag - ?, pending = pending + ? WHERE id = ?',
      last.key,
      rows.length,
      rows.length,
      group.id,
    )
    return rows.map((row) => ({ id: formatId(row.key), fields: fromColumns(row), deliveries: 1 }))
  }

  pending(streamName: string, groupName: string, query: PendingQuery): PendingEntry[] {
    const found = this.#catalog.findGroup(streamName, groupName)
    if (found === null) return []
    const now = Date.now()
    const rows = this.#sql.all<{ key: number; consumer: string; delivered_at: number; deliveries: number }>(
      `SELECT * FROM ${found.group.table}
        WHERE key > ? AND delivered_at <= ? AND (?3 IS NULL OR consumer = ?3) ORDER BY key LIMIT ?4`,
      parsePosition(query.afterId),
      now - query.minIdleMs,
      query.consumer ?? null,
      query.maxEntries,
    )
    return rows.map((row) => ({
      id: formatId(row.key),
      consumer: row.consumer,
      idleMs: Math.max(0, now - row.delivered_at),
      deliveries: row.deliveries,
    }))
  }

  claim(reader: Reader, ids: readonly string[], minIdleMs: number): Entry[] {
    const found = this.#catalog.findGroup(reader.stream, reader.group)
    if (found === null) return []
    const now = Date.now()
    return keysOf(ids).flatMap((key) => {
      const taken = this.#sql.get<{ deliveries: number }>(
        `UPDATE ${found.group.table} SET consumer = ?, delivered_at = ?, deliveries = deliveries + 1
          WHERE key = ? AND delivered_at <= ? RETURNING deliveries`,
        reader.consumer,
        now,
        key,
        now - minIdleMs,
      )
      return taken === undefined ? [] : [this.#entry(found.stream, key, taken.deliveries)]
    })
  }

  touch(reader: Reader, ids: readonly string[]): void {
    const found = this.#catalog.findGroup(reader.stream, reader.group)
    if (found === null) return
    const now = Date.now()
    for (const key of keysOf(ids)) {
      this.#sql.run(
        `UPDATE ${found.group.table} SET delivered_at = ? WHERE key = ? AND consumer = ?`,
        now,
        key,
        reader.consumer,
      )
    }
  }

  ack(streamName: string, groupName: string, ids: readonly string[]): number {
    const found = this.#catalog.findGroup(streamName, groupName)
    if (found === null) return 0
    const { stream, group } = found
    let wasPending = 0
    let removed = 0
    for (const key of keysOf(ids)) {
      wasPending += this.#sql.run(`DELETE FROM ${group.table} WHERE key = ?`, key)
      if (this.#isWanted(stream, group, key)) continue
      removed += this.#sql.run(`DELETE FROM ${stream.table} WHERE key = ?`, key)
    }
    this.#sql.run('UPDATE consumer_group SET pending = pending - ? WHERE id = ?', wasPending, group.id)
    this.#sql.run('UPDATE stream SET length = length - ? WHERE id = ?', removed, stream.id)
    return wasPending
  }

  range(streamName: string, afterId: string | undefined, maxEntries: number): Entry[] {
    const stream = this.#catalog.find(streamName)
    if (stream === null) return []
    const rows = this.#sql.all<EntryRow>(
      `SELECT key, name, value FROM ${stream.table} WHERE key > ? ORDER BY key LIMIT ?`,
      parsePosition(afterId),
      maxEntries,
    )
    return rows.map((row) => ({ id: formatId(row.key), fields: fromColumns(row), deliveries: 0 }))
  }

  streamStats(streamName: string): StreamStats {
    const stream = this.#catalog.find(streamName)
    if (stream === null) return { length: 0, oldestAgeMs: 0 }
    const length =
      this.#sql.get<{ length: number }>('SELECT length FROM stream WHERE id = ?', stream.id)?.length ?? 0
    const oldest =
      this.#sql.get<{ key: number | null }>(`SELECT min(key) AS key FROM ${stream.table}`)?.key ?? null
    return { length, oldestAgeMs: oldest === null ? 0 : Math.max(0, Date.now() - millisOf(oldest)) }
  }

  groupStats(streamName: string, groupName: string): GroupStats {
    const found = this.#catalog.findGroup(streamName, groupName)
    if (found === null) return { lag: 0, pending: 0, oldestPendingIdleMs: 0 }
    const { lag, pending } = this.#groupRow(found.group)
    const oldest = this.#sql.get<{ at: number | null }>(
      `SELECT min(delivered_at) AS at FROM ${found.group.table}`,
    )
    const since = oldest?.at ?? null
    return { lag, pending, oldestPendingIdleMs: since === null ? 0 : Math.max(0, Date.now() - since) }
  }

  #entry(stream: Stream, key: number, deliveries: number): Entry {
    const row = this.#sql.get<FieldColumns>(`SELECT name, value FROM ${stream.table} WHERE key = ?`, key)
    return { id: formatId(key), fields: row === undefined ? null : fromColumns(row), deliveries }
  }

  #groupRow(group: Group): { last_key: number; lag: number; pending: number } {
    const row = this.#sql.get<{ last_key: number; lag: number; pending: number }>(
      'SELECT last_key, lag, pending FROM consumer_group WHERE id = ?',
      group.id,
    )
    if (row === undefined) throw new Error(`group ${group.name} vanished from the embedded log`)
    return row
  }

  /** Whether a group still has to see or to finish this entry. `own` has just let go of it. */
  #isWanted(stream: Stream, own: Group, key: number): boolean {
    if (key > this.#groupRow(own).last_key) return true
    for (const group of stream.groups.values()) {
      if (group.id === own.id) continue
      if (key > this.#groupRow(group).last_key) return true
      if (this.#sql.get(`SELECT 1 FROM ${group.table} WHERE key = ?`, key) !== undefined) return true
    }
    return false
  }
}

const keysOf = (ids: readonly string[]): number[] => ids.map(parseId).filter((key) => key !== null)
