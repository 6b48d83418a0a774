/** Redis's failures in our three reactions: try again, the operator must act, or a bug. */
import { ErrorReply } from 'redis'
import { EXIT, SetupError, TransientError } from '../../lib/errors.ts'

/** Replies that pass by themselves or once the server has room, a disk or a master again. */
const PASSING = new Set([
  'OOM',
  'MISCONF',
  'READONLY',
  'LOADING',
  'BUSY',
  'MASTERDOWN',
  'NOREPLICAS',
  'CLUSTERDOWN',
  'TRYAGAIN',
  'MOVED',
  'ASK',
  'EXECABORT',
  'UNBLOCKED',
  'NOGROUP',
  'NOSCRIPT',
])

const REFUSED = new Set(['NOAUTH', 'WRONGPASS', 'NOPERM'])

/** The first word of an error reply (`MOVED`, `NOGROUP`, …); null for anything that is not one. */
export const replyCode = (error: unknown): string | null =>
  error instanceof ErrorReply ? (/^[A-Z]+/.exec(error.message)?.[0] ?? '') : null

export const translateError = (error: unknown): unknown => {
  if (error instanceof SetupError || error instanceof TransientError) return error
  const code = replyCode(error)
  if (code === null) return new TransientError(`Redis is away (${reason(error)})`, { cause: error })
  if (REFUSED.has(code)) return refused(error)
  if (code === 'WRONGTYPE') return wrongType(error)
  if (PASSING.has(code))
    return new TransientError(`Redis refused a command (${reason(error)})`, { cause: error })
  return error
}

export const refused = (cause: unknown): SetupError =>
  new SetupError(`Redis refuses these credentials (${reason(cause)}).`, {
    remedy: 'Correct the user and password in the Redis URL, or what the ACL of that user allows.',
    exitCode: EXIT.unavailable,
    cause,
  })

export const wrongType = (cause?: unknown): SetupError =>
  new SetupError('A key that must be a stream has another type in this Redis database.', {
    remedy: 'Use a Redis database of its own (…/1, …/2), or remove the foreign key.',
    exitCode: EXIT.badData,
    cause,
  })

/** In words; the errors of a refused connection carry theirs one level down. */
export const reason = (error: unknown): string => {
  if (error instanceof AggregateError && error.errors.length > 0) return reason(error.errors[0])
  if (!(error instanceof Error)) return String(error)
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  return error.message || code || error.name
}
