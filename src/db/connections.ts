/**
 * What is sent over the connections of a pool: single statements and transactions, with their repetitions. Guarantees that a
 * connection goes back usable or not at all, and that whoever observes is told of every wait, statement and failure, and of
 * rows only once they are committed. Knows no table.
 */
import type pg from 'pg'
import { backoffMs, jitter, sleep } from '../lib/backoff.ts'
import type { PoolObserver, Queryable, Result, Statement, TransactionOptions } from './queryable.ts'
import { asReaction, errorClass, isConflict, sqlState } from './sql-error.ts'
import { bindValues } from './text-arrays.ts'

export type ConnectionsOptions = {
  readonly prepare: boolean
  readonly statementTimeoutMs: number
  readonly observers: ReadonlySet<PoolObserver>
}

type Rows = Map<string, number>

const DEFAULT_RETRIES = 5

export class Connections {
  readonly #pool: pg.Pool
  readonly #options: ConnectionsOptions

  constructor(pool: pg.Pool, options: ConnectionsOptions) {
    this.#pool = pool
    this.#options = options
  }

  async query<R>(statement: Statement): Promise<Result<R>> {
    const rows: Rows = new Map()
    try {
      const result = await this.#withClient((client) => this.#send<R>(client, statement, rows))
      this.#tellRows(rows)
      return result
    } catch (error) {
      this.#tellError(error)
      throw asReaction(error)
    }
  }

  async transaction<T>(
    work: (tx: Queryable) => Promise<T>,
    { retries = DEFAULT_RETRIES, onRetry, signal, deferFlush }: TransactionOptions = {},
  ): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#transactOnce(work, deferFlush === true)
      } catch (error) {
        this.#tellError(error)
        if (!isConflict(error)) throw asReaction(error)
        onRetry?.(sqlState(error) ?? '')
        if (attempt > retries || signal?.aborted) throw asReaction(error)
        await sleep(jitter(backoffMs(attempt, { initialMs: 10, maxMs: 500 })), signal)
      }
    }
  }

  /** What holds for the transaction travels with BEGIN: one round trip, and gone with the transaction. */
  async #transactOnce<T>(work: (tx: Queryable) => Promise<T>, deferFlush: boolean): Promise<T> {
    const timeout = `BEGIN; SET LOCAL statement_timeout = ${Math.ceil(this.#options.statementTimeoutMs)}`
    const begin = deferFlush ? `${timeout}; SET LOCAL synchronous_commit = off` : timeout
    const rows: Rows = new Map()
    const value = await this.#withClient(async (client) => {
      await client.query(begin)
      const result = await work({ query: (statement) => this.#send(client, statement, rows) })
      await this.#send(client, COMMIT, rows)
      return result
    })
    this.#tellRows(rows)
    return value
  }

  async #withClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#connect()
    const ignore = () => {}
    client.on('error', ignore) // the statement under way fails as well and tells
    try {
      const value = await work(client)
      release(client, ignore, false)
      return value
    } catch (error) {
      const usable = sqlState(error) !== null && (await rollBack(client))
      release(client, ignore, !usable)
      throw error
    }
  }

  async #connect(): Promise<pg.PoolClient> {
    const startedMs = performance.now()
    try {
      return await this.#pool.connect()
    } finally {
      const seconds = (performance.now() - startedMs) / 1_000
      for (const { onWait } of this.#options.observers) onWait(seconds)
    }
  }

  async #send<R>(client: pg.PoolClient, statement: Statement, rows: Rows): Promise<Result<R>> {
    const { name, text, values, kind = 'other', writes } = statement
    const named = this.#options.prepare && name !== undefined ? { name } : {}
    const startedMs = performance.now()
    try {
      const result = await client.query({
        ...named,
        text,
        ...(values ? { values: bindValues(text, values) } : {}),
      })
      const count = result.rowCount ?? 0
      if (writes !== undefined && count > 0) rows.set(writes, (rows.get(writes) ?? 0) + count)
      return { rows: (result.rows ?? []) as R[], count }
    } finally {
      const seconds = (performance.now() - startedMs) / 1_000
      for (const { onStatement } of this.#options.observers) onStatement(kind, seconds)
    }
  }

  #tellRows(rows: Rows): void {
    for (const { onRows } of this.#options.observers) for (const [table, count] of rows) onRows(table, count)
  }

  #tellError(error: unknown): void {
    const kind = errorClass(error)
    if (kind === null) return
    for (const { onError } of this.#options.observers) onError(kind)
  }
}

const COMMIT: Statement = { text: 'COMMIT', kind: 'commit' }

const rollBack = (client: pg.PoolClient): Promise<boolean> =>
  client.query('ROLLBACK').then(
    () => true,
    () => false,
  )

const release = (client: pg.PoolClient, listener: () => void, destroy: boolean): void => {
  client.removeListener('error', listener)
  client.release(destroy)
}
