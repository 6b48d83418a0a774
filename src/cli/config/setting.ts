/** What one row of the settings table says. The table itself is table.ts. */
import type { Kind } from './kinds.ts'

export const COMMANDS = [
  'up',
  'demo',
  'ingester',
  'backfiller',
  'indexer',
  'sandbox',
  'migrate',
  'recount',
  'status',
  'drops',
  'doctor',
  'top',
] as const
export type CommandName = (typeof COMMANDS)[number]

/** Environment names besides the `MILLRACE_*` one: those of the rsky services, so that their environment works unchanged. */
export type EnvName =
  | string
  | {
      readonly name: string
      /** Commands that listen to this name; all of the setting's when absent. */
      readonly only?: readonly CommandName[]
      /** Turns the dialect of that name into the text of the kind, e.g. seconds into `60s`. */
      readonly translate?: (text: string) => string
      /** How that dialect differs, for the documentation. */
      readonly note?: string
    }

export type Setting<T> = {
  readonly kind: Kind<T>
  readonly default: NoInfer<T>
  /** Where a command's default differs. */
  readonly defaultFor?: Partial<Record<CommandName, NoInfer<T>>>
  /** How a default that differs from machine to machine is written in the documentation. */
  readonly perMachine?: string
  /** What a default of null means, in words; per command where it differs. */
  readonly absent?: string | Partial<Record<CommandName, string>>
  readonly env?: readonly EnvName[]
  readonly commands: readonly CommandName[]
  /** One sentence. */
  readonly text: string
}

export const setting = <T>(row: Setting<T>): Setting<T> => row

/** Numbers under this name count seconds. */
export const inSeconds = (envName: string): EnvName => ({
  name: envName,
  translate: (text) => (/^\d+$/.test(text) ? `${text}s` : text),
  note: 'a bare number counts seconds',
})

/** Keys carry their unit (`stopTimeoutMs`); flags and variables take any unit, so they do not. */
const words = (key: string): string[] => key.replace(/(?:Ms|Bytes)$/, '').split(/(?=[A-Z])/)
export const flagOf = (key: string): string => words(key).join('-').toLowerCase()
export const millraceNameOf = (key: string): string => `MILLRACE_${words(key).join('_').toUpperCase()}`
