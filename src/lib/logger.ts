/**
 * One logger, handed down. Rules: nothing is logged per item of hostile input (that is what counters are for); the level of a
 * repeated failure rises with the delay before its next attempt, so a blip is info and an outage is error.
 */
import { pino } from 'pino'
import pretty from 'pino-pretty'

export type Logger = pino.Logger
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'
export type LogFormat = 'json' | 'pretty'

/** Logs go to standard error: standard output belongs to what a command answers. */
export const createLogger = (options: { level: LogLevel; format: LogFormat }): Logger => {
  const base = { level: options.level, base: null }
  if (options.format === 'json') {
    return pino(
      { ...base, timestamp: pino.stdTimeFunctions.isoTime },
      pino.destination({ fd: 2, sync: true }),
    )
  }
  const stream = pretty({
    destination: 2,
    sync: true,
    colorize: process.stderr.isTTY,
    translateTime: 'SYS:HH:MM:ss',
  })
  return pino(base, stream)
}

export const silentLogger: Logger = pino({ level: 'silent' })

/** The level at which to report a failure that will be tried again after `delayMs`. */
export const retryLevel = (delayMs: number): 'info' | 'warn' | 'error' =>
  delayMs < 2_000 ? 'info' : delayMs < 15_000 ? 'warn' : 'error'
