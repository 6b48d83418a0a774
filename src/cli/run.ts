/** One run of the program: command line to settings to command to exit code. The only place that reads the environment. */
import { createLogger, type Logger } from '../lib/logger.ts'
import { COMMAND_SPECS } from './commands.ts'
import type { Context } from './context.ts'
import { resolveSettings, withoutEffect } from './config/resolve.ts'
import type { Settings } from './config/settings.ts'
import { parseCommandLine } from './program.ts'
import { exitOnUncaught, report, stopSignal } from './stopping.ts'
import { readVersion } from './version.ts'

const openLogger = ({ logLevel, logFormat }: Pick<Settings, 'logLevel' | 'logFormat'>): Logger => {
  const auto = process.stderr.isTTY ? 'pretty' : 'json'
  return createLogger({ level: logLevel, format: logFormat === 'auto' ? auto : logFormat })
}

const openContext = (settings: Settings, version: string): Context => {
  const logger = openLogger(settings)
  exitOnUncaught(logger)
  for (const { name, reason } of withoutEffect(process.env)) {
    logger.info({ variable: name }, `${name} changes nothing here: ${reason}`)
  }
  return {
    settings,
    environment: process.env,
    logger,
    version,
    signal: stopSignal({ timeoutMs: settings.stopTimeoutMs, logger }),
    answer: (text) => void process.stdout.write(`${text}\n`),
    tell: (text) => void process.stderr.write(`${text}\n`),
  }
}

/** Exits only after standard output has been handed over: a reader of a pipe gets every byte. */
const exit = (code: number): void => void process.stdout.write('', () => process.exit(code))

export const run = async (args: readonly string[]): Promise<void> => {
  let logger = openLogger({ logLevel: 'info', logFormat: 'auto' })
  try {
    const version = readVersion()
    const invocation = parseCommandLine(args, version)
    if (invocation === null) return exit(0)
    const settings = resolveSettings(invocation.command, invocation.flags, process.env)
    const context = openContext(settings, version)
    logger = context.logger
    const command = await COMMAND_SPECS[invocation.command].load()
    exit(await command(context))
  } catch (error) {
    exit(report(error, logger))
  }
}
