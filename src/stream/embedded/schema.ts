/**
 * The tables of the embedded log. One rowid table per stream, so that an append is an insert at the right edge of a tree, and
 * one per group for what is pending. Lengths and lags are kept as counters, in the transaction that changes them.
 */
import type { Sql } from './sqlite.ts'

/** "MLRC": marks the file as ours. */
export const APPLICATION_ID = 0x4d4c5243
export const SCHEMA_VERSION = 1

export const TABLES = `
  CREATE TABLE stream (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, last_key INTEGER NOT NULL DEFAULT 0, length INTEGER NOT NULL DEFAULT 0
  );
  CREATE TABLE consumer_group (
    id INTEGER PRIMARY KEY, stream INTEGER NOT NULL REFERENCES stream, name TEXT NOT NULL,
    last_key INTEGER NOT NULL DEFAULT 0, lag INTEGER NOT NULL, pending INTEGER NOT NULL DEFAULT 0, UNIQUE (stream, name)
  );
  CREATE TABLE checkpoint (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE cache (key TEXT PRIMARY KEY, value TEXT NOT NULL, expires_at INTEGER NOT NULL) WITHOUT ROWID;
  CREATE INDEX cache_expires_at ON cache (expires_at);
  CREATE TABLE state (clean INTEGER NOT NULL);
  INSERT INTO state VALUES (1);
`

export type Group = { readonly id: number; readonly name: string; readonly table: string }
export type Stream = { readonly id: number; readonly table: string; readonly groups: Map<string, Group> }

/** What exists, remembered so that the hot path does not look it up. Void after a rollback: `forget`. */
export class Catalog {
  readonly #sql: Sql
  readonly #streams = new Map<string, Stream>()

  constructor(sql: Sql) {
    this.#sql = sql
  }

  forget(): void {
    this.#streams.clear()
  }

  find(name: string): Stream | null {
    const known = this.#streams.get(name)
    if (known !== undefined) return known
    const row = this.#sql.get<{ id: number }>('SELECT id FROM stream WHERE name = ?', name)
    return row === undefined ? null : this.#remember(name, row.id)
  }

  findGroup(stream: string, group: string): { stream: Stream; group: Group } | null {
    const found = this.find(stream)
    const member = found?.groups.get(group)
    return found && member ? { stream: found, group: member } : null
  }

  /** Within a transaction. */
  ensure(name: string): Stream {
    const found = this.find(name)
    if (found !== null) return found
    this.#sql.run('INSERT INTO stream (name) VALUES (?)', name)
    const id = this.#lastRowId()
    this.#sql.exec(`CREATE TABLE entry_${id} (key INTEGER PRIMARY KEY, name TEXT, value TEXT NOT NULL)`)
    return this.#remember(name, id)
  }

  /** Within a transaction. A new group starts at the start of the stream. */
  ensureGroup(streamName: string, name: string): { stream: Stream; group: Group } {
    const stream = this.ensure(streamName)
    const known = stream.groups.get(name)
    if (known !== undefined) return { stream, group: known }
    this.#sql.run(
      'INSERT INTO consumer_group (stream, name, lag) SELECT id, ?, length FROM stream WHERE id = ?',
      name,
      stream.id,
    )
    const group = groupOf(this.#lastRowId(), name)
    this.#sql.exec(`
      CREATE TABLE ${group.table} (
        key INTEGER PRIMARY KEY, consumer TEXT NOT NULL, delivered_at INTEGER NOT NULL, deliveries INTEGER NOT NULL
      );
      CREATE INDEX ${group.table}_delivered_at ON ${group.table} (delivered_at);
    `)
    stream.groups.set(name, group)
    return { stream, group }
  }

  #remember(name: string, id: number): Stream {
    const rows = this.#sql.all<{ id: number; name: string }>(
      'SELECT id, name FROM consumer_group WHERE stream = ?',
      id,
    )
    const groups = new Map(rows.map((row) => [row.name, groupOf(row.id, row.name)]))
    const stream = { id, table: `entry_${id}`, groups }
    this.#streams.set(name, stream)
    return stream
  }

  #lastRowId(): number {
    return this.#sql.get<{ id: number }>('SELECT last_insert_rowid() AS id')?.id ?? 0
  }
}

const groupOf = (id: number, name: string): Group => ({ id, name, table: `pending_${id}` })
