/**
 * The one table of settings: every flag, environment variable, line of `--help` and row of docs/configuration.md comes from
 * here. Owns names and rules of precedence; resolve.ts applies them.
 */
import type { Kind } from './kinds.ts'
import { flagOf, millraceNameOf, type CommandName, type EnvName, type Setting } from './setting.ts'
import { backfiller } from './table/backfiller.ts'
import { doctor } from './table/doctor.ts'
import { drops } from './table/drops.ts'
import { indexer } from './table/indexer.ts'
import { ingester } from './table/ingester.ts'
import { recount } from './table/recount.ts'
import { monitoring, running } from './table/running.ts'
import { sandbox } from './table/sandbox.ts'
import { stores } from './table/stores.ts'

const SECTIONS = {
  Stores: stores,
  Ingester: ingester,
  Backfiller: backfiller,
  Indexer: indexer,
  Monitoring: monitoring,
  Sandbox: sandbox,
  Drops: drops,
  Doctor: doctor,
  Recount: recount,
  Running: running,
}

type Table = typeof stores &
  typeof ingester &
  typeof backfiller &
  typeof indexer &
  typeof monitoring &
  typeof sandbox &
  typeof drops &
  typeof doctor &
  typeof recount &
  typeof running

export type SettingKey = keyof Table
export type Settings = {
  readonly [K in SettingKey]: Table[K] extends Setting<infer T> ? T : never
}

/** A row with its names spelled out, and the value type forgotten. */
export type Row = {
  readonly key: SettingKey
  readonly section: string
  readonly flag: string
  readonly millraceName: string
  readonly env: readonly Exclude<EnvName, string>[]
  readonly kind: Kind<unknown>
  readonly default: unknown
  readonly defaultFor: Partial<Record<CommandName, unknown>>
  readonly perMachine: string | undefined
  readonly absent: string | Partial<Record<CommandName, string>> | undefined
  readonly commands: readonly CommandName[]
  readonly text: string
}

const toRow = (section: string, key: string, setting: Setting<unknown>): Row => ({
  key: key as SettingKey,
  section,
  flag: flagOf(key),
  millraceName: millraceNameOf(key),
  env: (setting.env ?? []).map((env) => (typeof env === 'string' ? { name: env } : env)),
  kind: setting.kind,
  default: setting.default,
  defaultFor: setting.defaultFor ?? {},
  perMachine: setting.perMachine,
  absent: setting.absent,
  commands: setting.commands,
  text: setting.text,
})

export const ROWS: readonly Row[] = Object.entries(SECTIONS).flatMap(([section, rows]) =>
  Object.entries(rows).map(([key, row]) => toRow(section, key, row as Setting<unknown>)),
)

export const rowsOf = (command: CommandName): readonly Row[] =>
  ROWS.filter((row) => row.commands.includes(command))

/** The names of a row that this command listens to, the first that is set wins. */
export const envNamesOf = (row: Row, command: CommandName): Row['env'] => [
  { name: row.millraceName },
  ...row.env.filter((env) => env.only === undefined || env.only.includes(command)),
]

export const defaultOf = (row: Row, command: CommandName): unknown =>
  command in row.defaultFor ? row.defaultFor[command] : row.default

/** The default of a command in words. */
export const defaultText = (row: Row, command: CommandName): string => {
  const value = defaultOf(row, command)
  if (value !== null) return row.kind.show(value) || 'none'
  return (typeof row.absent === 'object' ? row.absent[command] : row.absent) ?? 'none'
}
