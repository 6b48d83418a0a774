/**
 * Errors by reaction. A *drop* is a value, never thrown. A thrown `TransientError` means: try again. A thrown `SetupError`
 * means: the operator must act before a start can succeed. Anything else thrown means that our own state is wrong: crash.
 */

/** Exit codes by kind (BSD sysexits where one fits), documented in docs/operations.md. */
export const EXIT = {
  ok: 0,
  /** Unexpected failure: a bug or our own corrupt state. */
  crash: 1,
  /** A stop did not finish within its deadline, or a second signal forced it. */
  forced: 2,
  /** `demo --exit-when-done`, `status`, …: the answer is "no" (something is missing or unhealthy). */
  negative: 3,
  /** Wrong command line or setting. */
  usage: 64,
  /** A data folder or database whose content is not ours or is damaged. */
  badData: 65,
  /** A store (Redis, PostgreSQL) that cannot be reached or refuses us. */
  unavailable: 69,
  /** A port is taken, a folder cannot be written, a disk is full. */
  cannotCreate: 73,
  /** A store that is reachable but configured so that data could be lost. */
  unsafeConfig: 78,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

/** Stops the start. `message` says what is wrong, `remedy` what to do, both in one sentence for an operator. */
export class SetupError extends Error {
  override readonly name = 'SetupError'
  readonly exitCode: ExitCode
  readonly remedy: string

  constructor(message: string, options: { remedy: string; exitCode: ExitCode; cause?: unknown }) {
    super(message, { cause: options.cause })
    this.remedy = options.remedy
    this.exitCode = options.exitCode
  }
}

/** A failure that a later attempt may not meet: network, overload, restart of a store. */
export class TransientError extends Error {
  override readonly name = 'TransientError'
  /** When the other side named a time to wait (Retry-After, ratelimit-reset), in milliseconds from now. */
  readonly retryAfterMs: number | undefined

  constructor(message: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(message, { cause: options.cause })
    this.retryAfterMs = options.retryAfterMs
  }
}

/** The message of anything thrown, with its chain of causes, on one line. */
export const describeError = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error)
  const own = error.message || error.name
  return error.cause === undefined ? own : `${own}: ${describeError(error.cause)}`
}
