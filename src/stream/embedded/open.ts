/**
 * Opens the file of the embedded log. Guarantees: one process at a time holds it (an operating-system lock that dies with the
 * process), it is ours, it is of a version we know, and it is sound when it was left by an unclean stop.
 */
import { mkdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { EXIT, SetupError } from '../../lib/errors.ts'
import { APPLICATION_ID, SCHEMA_VERSION, TABLES } from './schema.ts'
import { damaged, Sql, translateOpenError } from './sqlite.ts'

const PAGE_BYTES = 4096
/** The write-ahead log is folded into the file every so many pages (16 MiB). */
const CHECKPOINT_PAGES = 4096
/** A file up to this size is checked page by page after an unclean stop; a larger one when its pages are used. */
const MAX_CHECKED_BYTES = 512 * 1024 * 1024

export type OpenedFile = { readonly sql: Sql; readonly path: string; readonly recovered: boolean }

export const openFile = (dataDir: string, maxBytes: number | undefined): OpenedFile => {
  const path = join(dataDir, 'log.db')
  createFolder(dataDir)
  let sql: Sql | null = null
  try {
    sql = new Sql(new DatabaseSync(path))
    configure(sql, path, maxBytes)
    const recovered = adopt(sql, path)
    return { sql, path, recovered }
  } catch (error) {
    sql?.close()
    throw translateOpenError(error, path)
  }
}

const createFolder = (dataDir: string): void => {
  try {
    mkdirSync(dataDir, { recursive: true })
  } catch (error) {
    throw new SetupError(`The data folder ${dataDir} cannot be created.`, {
      remedy: 'Check the path and its permissions, or choose another folder with --data.',
      exitCode: EXIT.cannotCreate,
      cause: error,
    })
  }
}

/** Nothing is written before the file is known to be ours: `journal_mode` already changes it. */
const configure = (sql: Sql, path: string, maxBytes: number | undefined): void => {
  // Exclusive before the first access: the lock is held for the life of the connection and the index of the write-ahead
  // log needs no shared memory.
  sql.exec('PRAGMA locking_mode = EXCLUSIVE')
  sql.exec(`PRAGMA page_size = ${PAGE_BYTES}`)
  sql.exec('PRAGMA auto_vacuum = INCREMENTAL')
  if (!isEmpty(sql)) checkOurs(sql, path)
  sql.exec('PRAGMA journal_mode = WAL')
  sql.exec('PRAGMA synchronous = FULL')
  sql.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
  sql.exec(`PRAGMA journal_size_limit = ${CHECKPOINT_PAGES * PAGE_BYTES}`)
  sql.exec('PRAGMA cache_size = -16384')
  if (maxBytes !== undefined) sql.exec(`PRAGMA max_page_count = ${Math.ceil(maxBytes / PAGE_BYTES)}`)
}

const isEmpty = (sql: Sql): boolean =>
  sql.get<{ n: number }>('SELECT count(*) AS n FROM sqlite_schema')?.n === 0

/** Returns whether the last user of the file stopped uncleanly. Takes the lock by writing. */
const adopt = (sql: Sql, path: string): boolean => {
  if (isEmpty(sql)) create(sql)
  const recovered = sql.get<{ clean: number }>('SELECT clean FROM state')?.clean !== 1
  if (recovered && statSync(path).size <= MAX_CHECKED_BYTES) checkSound(sql, path)
  sql.run('UPDATE state SET clean = 0')
  return recovered
}

const create = (sql: Sql): void => {
  sql.exec('BEGIN EXCLUSIVE')
  sql.exec(`PRAGMA application_id = ${APPLICATION_ID}`)
  sql.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`)
  sql.exec(TABLES)
  sql.exec('COMMIT')
}

const checkOurs = (sql: Sql, path: string): void => {
  if (sql.get<{ application_id: number }>('PRAGMA application_id')?.application_id !== APPLICATION_ID) {
    throw new SetupError(`${path} is not an embedded log of Millrace.`, {
      remedy: 'Choose another folder with --data, or move that file away.',
      exitCode: EXIT.badData,
    })
  }
  const version = sql.get<{ user_version: number }>('PRAGMA user_version')?.user_version
  if (version !== SCHEMA_VERSION) {
    throw new SetupError(`${path} has format ${version}; this Millrace knows format ${SCHEMA_VERSION}.`, {
      remedy: 'Run the version of Millrace that wrote it, or choose another folder with --data.',
      exitCode: EXIT.badData,
    })
  }
}

const checkSound = (sql: Sql, path: string): void => {
  const verdict = sql.get<{ quick_check: string }>('PRAGMA quick_check(1)')?.quick_check
  if (verdict !== 'ok') throw damaged(path, new Error(verdict))
}
