/** What every command is given: its settings, and the three ways out of it (answer, tell, log). */
import type { ExitCode } from '../lib/errors.ts'
import type { Logger } from '../lib/logger.ts'
import type { Environment } from './config/resolve.ts'
import type { Settings } from './config/settings.ts'

export type Context = {
  readonly settings: Settings
  /** What the settings were read from, for a command whose subject it is. */
  readonly environment: Environment
  readonly logger: Logger
  readonly version: string
  /** Aborts when the process is asked to stop. */
  readonly signal: AbortSignal
  /** Standard output: only what the command answers. */
  readonly answer: (text: string) => void
  /** Standard error, for a person who watches; not a log. */
  readonly tell: (text: string) => void
}

export type Run = (context: Context) => Promise<ExitCode>
