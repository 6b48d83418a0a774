/** The command line as commander sees it: made from the tables of commands and settings, with no word of its own. */
import { Command, CommanderError, Option } from 'commander'
import { EXIT, SetupError } from '../lib/errors.ts'
import { COMMAND_SPECS, EXIT_CODES } from './commands.ts'
import type { FlagValues } from './config/resolve.ts'
import { COMMANDS, type CommandName } from './config/setting.ts'
import { defaultText, envNamesOf, rowsOf, type Row } from './config/settings.ts'

/** What a command line asks for. `null`: it asked for help or the version, which is already answered. */
export type Invocation = { readonly command: CommandName; readonly flags: FlagValues } | null

const describe = (row: Row, command: CommandName): string => {
  const names = envNamesOf(row, command).map((env) => env.name)
  return `${row.text} (${row.kind.expects}; default: ${defaultText(row, command)}; ${names.join(', ')})`
}

const toOption = (row: Row, command: CommandName): Option =>
  new Option(`--${row.flag} ${row.kind.placeholder}`, describe(row, command)).helpGroup(`${row.section}:`)

const exampleText = (examples: readonly (readonly [string, string])[]): string => {
  const width = Math.max(...examples.map(([line]) => line.length))
  const lines = examples.map(([line, what]) => `  ${line.padEnd(width)}  ${what}`.trimEnd())
  return `\nExamples:\n${lines.join('\n')}\n\n${EXIT_CODES}`
}

const addCommand = (program: Command, name: CommandName, chosen: (invocation: Invocation) => void): void => {
  const spec = COMMAND_SPECS[name]
  const command = program.command(name).summary(spec.summary).description(spec.description)
  const options = rowsOf(name).map((row) => ({ row, option: toOption(row, name) }))
  for (const { option } of options) command.addOption(option)
  command.addHelpText('after', exampleText(spec.examples))
  command.action((values: Record<string, string | true | undefined>) => {
    const flags = options.map(({ row, option }) => [row.key, values[option.attributeName()]] as const)
    chosen({ command: name, flags: Object.fromEntries(flags) })
  })
}

const describeProgram = (version: string): Command =>
  new Command('millrace')
    .description(
      'Fills the PostgreSQL of a Bluesky AppView from the AT Protocol network. Begin with: millrace demo',
    )
    .version(version)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .configureHelp({ sortSubcommands: false, showGlobalOptions: false, helpWidth: helpWidth() })
    .addHelpText('after', `\n\`millrace <command> --help\` teaches each command.\n\n${EXIT_CODES}`)

/** Wide enough for the settings, never wider than a page. */
const helpWidth = (): number => Math.max(80, Math.min(process.stdout.columns ?? 110, 110))

const sentence = (error: CommanderError): SetupError => {
  const [message = '', ...rest] = error.message.replace(/^error: /, '').split('\n')
  const suggestion = rest.join(' ').replace(/^\(|\)$/g, '')
  const remedy =
    suggestion || 'Write `millrace --help`, or `millrace <command> --help`, for what is possible.'
  return new SetupError(message, { remedy, exitCode: EXIT.usage })
}

/** Throws SetupError for a command line that makes no sense. */
export const parseCommandLine = (args: readonly string[], version: string): Invocation => {
  let invocation: Invocation = null
  const program = describeProgram(version)
  for (const name of COMMANDS) addCommand(program, name, (chosen) => (invocation = chosen))
  try {
    program.parse(args.length === 0 ? ['--help'] : args, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode !== 0) throw sentence(error)
  }
  return invocation
}
