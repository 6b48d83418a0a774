/**
 * The embedded log: the contract of `log.ts` on one SQLite file, for one process. Nothing to install, durable by fsync per
 * commit, readers in the process are woken by appends. Acknowledged entries are deleted and their pages reused; what a
 * backlog leaves empty is given back to the disk.
 */
import { statSync } from 'node:fs'
import type { StoreFigures, StreamFigures, Watched } from '../figures.ts'
import type {
  Checkpoint,
  Entry,
  Fields,
  GroupStats,
  Log,
  PendingEntry,
  Reader,
  ReadOptions,
  StreamStats,
} from '../log.ts'
import { Cache } from './cache.ts'
import { Entries, type PendingQuery } from './entries.ts'
import { type FiguresSource, Presence, storeFigures, streamFigures } from './figures.ts'
import { GroupCommit } from './group-commit.ts'
import { openFile } from './open.ts'
import { Catalog } from './schema.ts'
import { type Sql, translateError } from './sqlite.ts'
import { reclaimPages } from './vacuum.ts'
import { Wakers } from './wakers.ts'

export type EmbeddedLogOptions = {
  /** Created when absent; the log is the file `log.db` in it. */
  readonly dataDir: string
  /** The file refuses to grow beyond this; appends then fail as on a full disk. Unlimited when absent. */
  readonly maxBytes?: number
}

export interface EmbeddedLog extends Log {
  readonly kind: 'embedded'
  readonly path: string
  /** The store was left by an unclean stop (crash, kill, power cut) and has been recovered. */
  readonly recovered: boolean
  /** Size on disk, write-ahead log included. */
  fileBytes(): number
}

/** Errors: SetupError (in use, not writable, disk full, damaged, not ours). */
export const openEmbeddedLog = async (options: EmbeddedLogOptions): Promise<EmbeddedLog> => {
  const { sql, path, recovered } = openFile(options.dataDir, options.maxBytes)
  return new SqliteLog(sql, path, recovered)
}

class SqliteLog implements EmbeddedLog {
  readonly kind = 'embedded'
  readonly path: string
  readonly recovered: boolean
  readonly #sql: Sql
  readonly #catalog: Catalog
  readonly #entries: Entries
  readonly #cache: Cache
  readonly #commits: GroupCommit
  readonly #wakers = new Wakers()
  readonly #presence = new Presence()
  #closing: Promise<void> | null = null

  constructor(sql: Sql, path: string, recovered: boolean) {
    this.path = path
    this.recovered = recovered
    this.#sql = sql
    this.#catalog = new Catalog(sql)
    this.#entries = new Entries(sql, this.#catalog)
    this.#cache = new Cache(sql)
    this.#commits = new GroupCommit({
      sql,
      onRollback: () => this.#catalog.forget(),
      translateError: (error) => translateError(error, path),
    })
  }

  get #source(): FiguresSource {
    return { sql: this.#sql, catalog: this.#catalog, entries: this.#entries, presence: this.#presence }
  }

  async append(stream: string, entries: readonly Fields[], checkpoint?: Checkpoint): Promise<void> {
    await this.#durably(() => {
      this.#entries.append(stream, entries)
      if (checkpoint)
        this.#sql.run('INSERT OR REPLACE INTO checkpoint VALUES (?, ?)', checkpoint.name, checkpoint.value)
    })
    if (entries.length > 0) this.#wakers.wake(stream)
  }

  async checkpoint(name: string): Promise<string | null> {
    return this.#look(
      () =>
        this.#sql.get<{ value: string }>('SELECT value FROM checkpoint WHERE name = ?', name)?.value ?? null,
    )
  }

  async checkpoints(prefix: string): Promise<readonly Checkpoint[]> {
    const query = 'SELECT name, value FROM checkpoint WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name'
    const rows = this.#look(() => this.#sql.all<Checkpoint>(query, prefix))
    return rows.map(({ name, value }) => ({ name, value }))
  }

  async ensureGroup(stream: string, group: string): Promise<void> {
    await this.#durably(() => this.#catalog.ensureGroup(stream, group))
  }

  async read(reader: Reader, { maxEntries, blockMs, signal }: ReadOptions): Promise<readonly Entry[]> {
    const deadline = performance.now() + blockMs
    while (!signal?.aborted) {
      this.#presence.hear(reader)
      // The look and the start of the wait happen in one turn: no append can slip between them.
      if (this.#look(() => this.#entries.hasUndelivered(reader.stream, reader.group))) {
        const entries = await this.#lightly(() => this.#entries.deliver(reader, maxEntries))
        if (entries.length > 0) return entries
      }
      const leftMs = deadline - performance.now()
      if (leftMs <= 0 || this.#closing !== null) break
      if (this.#entries.hasUndelivered(reader.stream, reader.group)) continue
      await this.#wakers.wait(reader.stream, leftMs, signal)
    }
    return []
  }

  async pending(stream: string, group: string, query: PendingQuery): Promise<readonly PendingEntry[]> {
    return this.#look(() => this.#entries.pending(stream, group, query))
  }

  claim(reader: Reader, ids: readonly string[], minIdleMs: number): Promise<readonly Entry[]> {
    this.#presence.hear(reader)
    return this.#lightly(() => this.#entries.claim(reader, ids, minIdleMs))
  }

  touch(reader: Reader, ids: readonly string[]): Promise<void> {
    this.#presence.hear(reader)
    return this.#lightly(() => this.#entries.touch(reader, ids))
  }

  ack(stream: string, group: string, ids: readonly string[]): Promise<number> {
    return this.#lightly(() => this.#entries.ack(stream, group, ids))
  }

  async deadLetter(
    from: { stream: string; group: string; id: string },
    to: { stream: string; fields: Fields },
  ): Promise<void> {
    await this.#durably(() => {
      this.#entries.append(to.stream, [to.fields])
      this.#entries.ack(from.stream, from.group, [from.id])
    })
    this.#wakers.wake(to.stream)
  }

  /** Nothing is ever left to trim: the ack of the last group removes the entry. What is trimmed is disk space. */
  async trim(_stream: string): Promise<number> {
    this.#look(() => reclaimPages(this.#sql))
    return 0
  }

  async range(stream: string, options: { afterId?: string; maxEntries: number }): Promise<readonly Entry[]> {
    return this.#look(() => this.#entries.range(stream, options.afterId, options.maxEntries))
  }

  async streamStats(stream: string): Promise<StreamStats> {
    return this.#look(() => this.#entries.streamStats(stream))
  }

  async groupStats(stream: string, group: string): Promise<GroupStats> {
    return this.#look(() => this.#entries.groupStats(stream, group))
  }

  async streamFigures(watched: Watched): Promise<StreamFigures> {
    return this.#look(() => streamFigures(this.#source, watched))
  }

  storeFigures(): Promise<StoreFigures> {
    return storeFigures(this.#source, this.path, this.fileBytes())
  }

  async cacheGet(key: string): Promise<string | null> {
    return this.#look(() => this.#cache.get(key))
  }

  cacheSet(key: string, value: string, ttlMs: number): Promise<void> {
    return this.#lightly(() => this.#cache.set(key, value, ttlMs))
  }

  fileBytes(): number {
    const size = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0
    return size(this.path) + size(`${this.path}-wal`)
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#wakers.wakeAll()
    await this.#commits.close()
    try {
      this.#sql.run('UPDATE state SET clean = 1')
    } finally {
      // Closing the last connection folds the write-ahead log into the file and frees the lock.
      this.#sql.close()
    }
  }

  #durably<T>(run: () => T): Promise<T> {
    return this.#commits.submit(run, { durable: true })
  }

  #lightly<T>(run: () => T): Promise<T> {
    return this.#commits.submit(run, { durable: false })
  }

  /** A look outside the queue sees exactly what is committed: transactions begin and end within one turn. */
  #look<T>(run: () => T): T {
    try {
      return run()
    } catch (error) {
      throw translateError(error, this.path)
    }
  }
}
