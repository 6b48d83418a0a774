/**
 * From flags and environment to settings. Guarantees: a flag wins over `MILLRACE_*`, that over rsky's names, those over the
 * default; an unknown `MILLRACE_*` name or a value that is none stops the start with what to write instead; no error repeats
 * a value that may hold a password. Pure: the environment is handed in.
 */
import { EXIT, SetupError } from '../../lib/errors.ts'
import { OUTSIDE, WITHOUT_EFFECT } from './foreign.ts'
import { nearest } from './nearest.ts'
import type { CommandName } from './setting.ts'
import { defaultOf, envNamesOf, ROWS, rowsOf, type Row, type Settings } from './settings.ts'

export type Environment = Readonly<Record<string, string | undefined>>
/** Flag values by setting key, as commander collected them: text, or true for a flag that stood alone. */
export type FlagValues = Readonly<Record<string, string | true | undefined>>

const KNOWN = new Set([...ROWS.map((row) => row.millraceName), ...OUTSIDE])

const usage = (message: string, remedy: string): SetupError =>
  new SetupError(message, { remedy, exitCode: EXIT.usage })

/** Names that look like ours and are none. */
export const unknownNames = (environment: Environment): readonly string[] =>
  Object.keys(environment).filter((key) => key.startsWith('MILLRACE_') && !KNOWN.has(key))

/** The setting that a misspelt name was probably meant to be. */
export const nearestName = (unknown: string): string | null => nearest(unknown, KNOWN)

const refuseUnknown = (environment: Environment): void => {
  const [unknown] = unknownNames(environment)
  if (unknown === undefined) return
  const near = nearestName(unknown)
  const hint = near === null ? 'Remove it' : `Write ${near}`
  throw usage(
    `${unknown} is not a setting`,
    `${hint}; docs/configuration.md lists every name, and so does \`millrace --help\` of each command.`,
  )
}

const parse = (row: Row, source: string, text: string): unknown => {
  const value = row.kind.parse(text.trim())
  if (value !== undefined) return value
  const said = row.kind.secret ? 'has a value that does not fit' : `is ${JSON.stringify(text)}`
  throw usage(`${source} ${said}`, `Write ${row.kind.expects}.`)
}

/** An empty variable counts as unset: compose files pass empty strings for what they do not define. */
const fromEnvironment = (row: Row, command: CommandName, environment: Environment): unknown => {
  for (const { name, translate } of envNamesOf(row, command)) {
    const text = environment[name]?.trim() ?? ''
    if (text !== '') return parse(row, name, translate ? translate(text) : text)
  }
  return undefined
}

const fromFlag = (row: Row, flags: FlagValues): unknown => {
  const text = flags[row.key]
  return text === undefined ? undefined : parse(row, `--${row.flag}`, text === true ? 'yes' : text)
}

/** Every setting; those that the command does not know have their default. The doctor reports unknown names instead. */
export const resolveSettings = (
  command: CommandName,
  flags: FlagValues,
  environment: Environment,
): Settings => {
  if (command !== 'doctor') refuseUnknown(environment)
  const own = new Set(rowsOf(command))
  const entries = ROWS.map((row) => {
    const given = own.has(row)
      ? (fromFlag(row, flags) ?? fromEnvironment(row, command, environment))
      : undefined
    return [row.key, given ?? defaultOf(row, command)]
  })
  return Object.freeze(Object.fromEntries(entries)) as Settings
}

/** rsky variables that are set and change nothing, with the reason of each. */
export const withoutEffect = (environment: Environment): readonly { name: string; reason: string }[] =>
  Object.entries(WITHOUT_EFFECT)
    .filter(([name]) => (environment[name] ?? '') !== '')
    .map(([name, reason]) => ({ name, reason }))
