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
 * Connection trouble (08), resources (53), shutdown and cancelled statements (57), a read-only standby after a failover,
 * a lock not granted in time, conflicts.
 */
const TRANSIENT_STATE = /^(08...|53...|57...|25006|55P03|40001|40P01)$/

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
