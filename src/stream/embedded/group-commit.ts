/**
 * One writer, many callers: jobs submitted in the same turn of the event loop share one transaction, hence one fsync. A job
 * is synchronous and runs in the order of submission; its promise settles after the commit. When a transaction fails every
 * job is tried again in its own, so a caller only ever sees its own failure.
 *
 * Only `durable` work is forced to the disk. The rest (deliveries, acks, cache) is committed to the write-ahead log: it
 * survives the death of the process, and after a power cut its loss means a repeated delivery, never a missing entry. The
 * write-ahead log is sequential, so durable work never outlives what was committed before it.
 */
import type { Sql } from './sqlite.ts'

type Job = {
  readonly durable: boolean
  readonly run: () => unknown
  readonly resolve: (value: unknown) => void
  readonly reject: (error: unknown) => void
}

export type GroupCommitOptions = {
  readonly sql: Sql
  /** Called when a transaction was undone: whatever was remembered from inside it is void. */
  readonly onRollback: () => void
  readonly translateError: (error: unknown) => unknown
}

/** More jobs than this in one turn are split, so that a flood of small jobs cannot hold the event loop for long. */
const MAX_JOBS_PER_COMMIT = 256

export class GroupCommit {
  readonly #options: GroupCommitOptions
  #jobs: Job[] = []
  #scheduled = false
  #durableMode = true
  #closed = false
  #idle: (() => void) | null = null

  constructor(options: GroupCommitOptions) {
    this.#options = options
  }

  submit<T>(run: () => T, options: { durable: boolean }): Promise<T> {
    if (this.#closed) return Promise.reject(new Error('the embedded log is closed'))
    return new Promise<T>((resolve, reject) => {
      this.#jobs.push({ durable: options.durable, run, resolve: (value) => resolve(value as T), reject })
      this.#schedule()
    })
  }

  /** Refuses new work; resolves when what was submitted is committed. */
  async close(): Promise<void> {
    this.#closed = true
    if (this.#jobs.length > 0) await new Promise<void>((resolve) => (this.#idle = resolve))
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.#flush())
  }

  #flush(): void {
    this.#scheduled = false
    const jobs = this.#jobs.splice(0, MAX_JOBS_PER_COMMIT)
    const settle = this.#tryCommit(jobs) ?? jobs.flatMap((job) => this.#commitAlone(job))
    for (const done of settle) done()
    if (this.#jobs.length > 0) this.#schedule()
    else this.#idle?.()
  }

  /** null when the shared transaction failed and each job deserves its own. */
  #tryCommit(jobs: readonly Job[]): (() => void)[] | null {
    try {
      return this.#transact(jobs)
    } catch (error) {
      if (jobs.length > 1) return null
      return jobs.map((job) => () => job.reject(this.#options.translateError(error)))
    }
  }

  #commitAlone(job: Job): (() => void)[] {
    return this.#tryCommit([job]) ?? []
  }

  #transact(jobs: readonly Job[]): (() => void)[] {
    const { sql } = this.#options
    this.#setDurable(jobs.some((job) => job.durable))
    sql.exec('BEGIN IMMEDIATE')
    try {
      const settle = jobs.map((job) => {
        const value = job.run()
        return () => job.resolve(value)
      })
      sql.exec('COMMIT')
      return settle
    } catch (error) {
      // SQLite has already rolled back after some failures (disk full, I/O).
      if (sql.inTransaction) sql.exec('ROLLBACK')
      this.#options.onRollback()
      throw error
    }
  }

  /** `synchronous` can only change between transactions. */
  #setDurable(durable: boolean): void {
    if (durable === this.#durableMode) return
    this.#options.sql.exec(`PRAGMA synchronous = ${durable ? 'FULL' : 'NORMAL'}`)
    this.#durableMode = durable
  }
}
