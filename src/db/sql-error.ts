/** What an error of PostgreSQL asks for: try again (TransientError), or look at it (passed on as it is). */
import { TransientError } from '../lib/errors.ts'

/** The SQLSTATE of an error or of its cause, e.g. `40P01` (never without a digit, unlike EPIPE); null when PostgreSQL did not speak. */
export const sqlState = (error: unknown): string | null => {
  if (!(error instanceof Error)) return null
  const code = (error as { code?: unknown }).code
  return typeof code === 'string' && /^(?=.*[0-9])[0-9A-Z]{5}$/.test(code) ? code : sqlState(error.cause)
}

/** Another transaction won; repeating ours is the whole remedy: serialization failure, deadlock. */
export const isConflict = (error: unknown): boolean => ['40001', '40P01'].includes(sqlState(error) ?? '')

/** What was to be written is at fault, not the server: data exception (22), constraint (23), beyond a limit of the program (54). */
export const isDataError = (error: unknown): boolean => /^(22|23|54)...$/.test(sqlState(error) ?? '')

/**
 * Connection trouble (08), resources (53), shutdown and cancelled statements (57), the system below (58: a full disk), a
 * transaction that took too long (25P03, 25P04), a read-only standby after a failover, a lock not granted in time, conflicts; and a database that takes no connections (55000)
 * or is not there (3D000): while it is restored or renamed, which is an outage and no reason to die.
 */
const TRANSIENT_STATE = /^(08...|53...|57...|58...|25006|25P0[34]|3D000|55000|55P03|40001|40P01)$/

/** Errors of Node and of the driver when a connection breaks, is refused, or a free one is not to be had in time. */
const TRANSIENT_MESSAGE =
  /ECONN|ETIMEDOUT|EPIPE|EAI_AGAIN|ENOTFOUND|EHOSTUNREACH|ENETUNREACH|Connection terminated|timeout|not queryable/i

/** The same failure as a TransientError when a later attempt may succeed, otherwise the error itself. */
export const asReaction = (error: unknown): unknown => {
  if (error instanceof TransientError || !(error instanceof Error)) return error
  const state = sqlState(error)
  const { code = '' } = error as { code?: string }
  const transient = state ? TRANSIENT_STATE.test(state) : TRANSIENT_MESSAGE.test(`${code} ${error.message}`)
  return transient ? new TransientError('PostgreSQL did not answer as it should', { cause: error }) : error
}

/** What went wrong, as a closed set to count by. */
export const ERROR_CLASSES = [
  'connection',
  'deadlock',
  'serialization',
  'timeout',
  'constraint',
  'data',
  'resources',
  'other',
] as const
export type ErrorClass = (typeof ERROR_CLASSES)[number]

/** The first that matches; shutdown and failover end a connection, a statement or lock that took too long ends in time. */
const CLASS_OF_STATE: readonly (readonly [RegExp, ErrorClass])[] = [
  [/^40P01$/, 'deadlock'],
  [/^40001$/, 'serialization'],
  [/^(57014|55P03|57P05|25P0[34])$/, 'timeout'],
  [/^(08...|57P..|28...|3D000|55000|25006)$/, 'connection'],
  [/^23...$/, 'constraint'],
  [/^(22|54)...$/, 'data'],
  [/^(53|58)...$/, 'resources'],
]

/** The class of an error of PostgreSQL or of the way to it; null for one that is neither. */
export const errorClass = (error: unknown): ErrorClass | null => {
  const state = sqlState(error)
  if (state !== null) return CLASS_OF_STATE.find(([pattern]) => pattern.test(state))?.[1] ?? 'other'
  if (!(error instanceof Error)) return null
  const text = `${(error as { code?: string }).code ?? ''} ${error.message}`
  if (!TRANSIENT_MESSAGE.test(text)) return error.cause === undefined ? null : errorClass(error.cause)
  return /timeout/i.test(text) ? 'timeout' : 'connection'
}
