/** What can be asked of PostgreSQL and what is told about it: the words that pool, connections and writers of SQL share. */
import type { ErrorClass } from './sql-error.ts'
import type { StatementKind } from './statement-kind.ts'

export type Statement = {
  readonly name?: string
  readonly text: string
  readonly values?: readonly unknown[]
  /** What it is for; `other` by default. */
  readonly kind?: StatementKind
  /** The table of the AppView whose rows it writes; every row it returns or changes is one. */
  readonly writes?: string
}

/** `count`: rows returned or changed. */
export type Result<R> = { readonly rows: readonly R[]; readonly count: number }

/** Errors: TransientError (try again), pg.DatabaseError (the statement or its data is wrong). */
export interface Queryable {
  query<R = Record<string, unknown>>(statement: Statement): Promise<Result<R>>
}

export type TransactionOptions = {
  /** Repetitions after a deadlock or serialization failure (default 5); then it is thrown as a TransientError. */
  readonly retries?: number
  readonly onRetry?: (sqlState: string) => void
  readonly signal?: AbortSignal
  /** Its commit does not wait for the disk: nobody may count on it before `Pool.flush`. Of a crash it leaves all or nothing, as ever. */
  readonly deferFlush?: true
}

/** What happens on the connections, told as it happens. */
export type PoolObserver = {
  /** A statement was answered, or failed, after so long. */
  readonly onStatement: (kind: StatementKind, seconds: number) => void
  /** Somebody got a connection, or none, after so long. */
  readonly onWait: (seconds: number) => void
  /** A statement, a transaction or the making of a connection failed. */
  readonly onError: (kind: ErrorClass) => void
  /** Rows were written to a table and are committed. */
  readonly onRows: (table: string, rows: number) => void
}
