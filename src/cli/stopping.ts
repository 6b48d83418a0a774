/**
 * How a process ends. The first SIGTERM or SIGINT asks for a stop (drain, exit 0); a second one, or the deadline, forces it
 * (exit 2). What nobody caught is logged with its causes and exits 1. Nothing else in the project handles a signal.
 */
import { describeError, EXIT, SetupError, type ExitCode } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'

/** One Ctrl-C arrives twice, from the terminal and from npm: what follows within this time is the same wish. */
const SAME_WISH_MS = 500

/** A signal that aborts when the process is asked to stop. */
export const stopSignal = (options: { timeoutMs: number; logger: Logger }): AbortSignal => {
  const stop = new AbortController()
  let askedAt = 0
  const ask = (name: string): void => {
    if (stop.signal.aborted) {
      if (Date.now() - askedAt >= SAME_WISH_MS) force(options.logger, `${name} came a second time`)
      return
    }
    askedAt = Date.now()
    options.logger.info({ signal: name }, 'stopping: draining what is in flight')
    setTimeout(() => force(options.logger, 'the stop took too long'), options.timeoutMs).unref()
    stop.abort()
  }
  process.on('SIGTERM', ask)
  process.on('SIGINT', ask)
  return stop.signal
}

const force = (logger: Logger, reason: string): never => {
  logger.error(`${reason}: exiting without waiting; nothing acknowledged is lost`)
  process.exit(EXIT.forced)
}

/** A SetupError wherever it is in the chain of causes. */
const setupErrorIn = (error: unknown): SetupError | null => {
  if (error instanceof SetupError) return error
  if (error instanceof AggregateError) return error.errors.map(setupErrorIn).find((found) => found) ?? null
  return error instanceof Error && error.cause !== undefined ? setupErrorIn(error.cause) : null
}

const asSentence = (text: string, isFirst = false): string => {
  const start = isFirst ? text.slice(0, 1).toUpperCase() + text.slice(1) : text
  return /[.!?]$/.test(start) ? start : `${start}.`
}

/** Reports what ended the command; returns its exit code. */
export const report = (error: unknown, logger: Logger): ExitCode => {
  const setup = setupErrorIn(error)
  if (setup === null) {
    logger.fatal({ err: error }, describeError(error))
    return EXIT.crash
  }
  process.stderr.write(`millrace: ${asSentence(setup.message)} ${asSentence(setup.remedy, true)}\n`)
  if (setup.cause !== undefined) logger.debug({ err: setup.cause }, 'cause')
  return setup.exitCode
}

/** Errors that no code awaits: our own state is unknown, so the process ends. */
export const exitOnUncaught = (logger: Logger): void => {
  const end = (error: unknown): void => process.exit(report(error, logger))
  process.on('uncaughtException', end)
  process.on('unhandledRejection', end)
}
