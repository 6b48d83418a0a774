/**
 * Thin shell around one SQLite connection: prepared statements kept by text, rows with the type their query declares, and
 * SQLite's failures translated into our three reactions.
 */
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { EXIT, SetupError, TransientError } from '../../lib/errors.ts'

/** Primary result codes of SQLite (the low byte of `errcode`). */
const CODE = {
  busy: 5,
  locked: 6,
  readonly: 8,
  io: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  notADb: 26,
} as const

export const sqliteCode = (error: unknown): number | null => {
  if (!(error instanceof Error) || !('errcode' in error)) return null
  return typeof error.errcode === 'number' ? error.errcode & 0xff : null
}

/** What a failure of the open store means to the caller. `path` is named for the operator. */
export const translateError = (error: unknown, path: string): unknown => {
  const cause = { cause: error }
  switch (sqliteCode(error)) {
    case CODE.full:
      return new TransientError(`the disk (or the size limit) of ${path} is full; nothing was lost`, cause)
    case CODE.io:
    case CODE.busy:
    case CODE.locked:
      return new TransientError(`${path} could not be read or written`, cause)
    case CODE.corrupt:
    case CODE.notADb:
      return damaged(path, error)
    default:
      return error
  }
}

export const damaged = (path: string, cause?: unknown): SetupError =>
  new SetupError(`The embedded log ${path} is damaged.`, {
    remedy:
      `Stop every process that uses it, keep a copy of the folder, and either restore a backup or move ${path} (and ` +
      'its -wal file) away: the ingester then starts from the relay again and the database keeps what it has.',
    exitCode: EXIT.badData,
    cause,
  })

/** A failure to open. */
export const translateOpenError = (error: unknown, path: string): unknown => {
  const refused = (message: string, remedy: string) =>
    new SetupError(message, { remedy, exitCode: EXIT.cannotCreate, cause: error })
  switch (sqliteCode(error)) {
    case CODE.busy:
    case CODE.locked:
      return refused(
        `The embedded log ${path} is in use by another process.`,
        'Stop the other Millrace that uses this data folder, or choose another folder with --data.',
      )
    case CODE.full:
      return refused(`The disk that holds ${path} is full.`, 'Free space on it, then start again.')
    case CODE.cantOpen:
    case CODE.readonly:
    case CODE.io:
      return refused(
        `The embedded log ${path} cannot be opened for writing.`,
        'Check that the folder exists, belongs to this user and is not read-only.',
      )
    default:
      return translateError(error, path)
  }
}

export class Sql {
  readonly #db: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  constructor(db: DatabaseSync) {
    this.#db = db
  }

  exec(text: string): void {
    this.#db.exec(text)
  }

  /** Returns the number of rows changed. */
  run(text: string, ...values: SQLInputValue[]): number {
    return Number(this.#prepare(text).run(...values).changes)
  }

  /** `Row` is declared by the caller, who wrote the query beside it. */
  get<Row>(text: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepare(text).get(...values) as Row | undefined
  }

  all<Row>(text: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepare(text).all(...values) as Row[]
  }

  get inTransaction(): boolean {
    return this.#db.isTransaction
  }

  close(): void {
    this.#statements.clear()
    this.#db.close()
  }

  #prepare(text: string): StatementSync {
    let statement = this.#statements.get(text)
    if (statement === undefined) {
      statement = this.#db.prepare(text)
      this.#statements.set(text, statement)
    }
    return statement
  }
}
