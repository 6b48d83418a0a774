/** How drills are told: a line as each ends, a table of all, and docs/drills.json, which keeps the last result of each. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import Table from 'cli-table3'
import { format, resolveConfig } from 'prettier'
import type { DrillResult } from './drill.ts'
import type { Stack } from './stack.ts'
import { binaryOf } from './watchers.ts'

const FILE = join(import.meta.dirname, '../../docs/drills.json')

const seconds = (value: number | null): string => (value === null ? '-' : `${value.toFixed(1)} s`)

export const progress = (
  { alert, outcome, problem, ...result }: DrillResult,
  n: number,
  of: number,
): string => {
  const times = `fired ${seconds(result.firedSeconds)} (bound ${seconds(result.boundSeconds)}), resolved ${seconds(result.resolvedSeconds)}`
  return `${n}/${of} ${alert}: ${outcome === 'passed' ? times : `FAILED: ${problem ?? ''}`}`
}

const HEAD = [
  'alert',
  'fired after',
  'bound',
  'bound in production',
  'resolved after',
  'came along',
  'runbook',
]

export const table = (results: readonly DrillResult[]): string => {
  const lines = new Table({ head: HEAD, style: { head: [], border: [] } })
  for (const result of results) lines.push(row(result))
  return lines.toString()
}

const row = (result: DrillResult): string[] => [
  result.outcome === 'passed' ? result.alert : `${result.alert} FAILED`,
  seconds(result.firedSeconds),
  seconds(result.boundSeconds),
  seconds(result.productionBoundSeconds),
  seconds(result.resolvedSeconds),
  result.also.join(', '),
  result.confirmed === null ? '' : `${result.confirmed} commands ran`,
]

const versionOf = (program: string): string => {
  const said = execFileSync(program, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  return /\d+\.\d+(\.\d+)?/.exec(said)?.[0] ?? ''
}

const stackVersions = ({ database }: Stack): Readonly<Record<string, string>> => ({
  node: process.versions.node,
  prometheus: versionOf(binaryOf('prometheus')),
  alertmanager: versionOf(binaryOf('alertmanager')),
  redis: versionOf(binaryOf('redis-server')),
  postgresql: database.version,
})

export type KeptResult = DrillResult & { readonly versions: Readonly<Record<string, string>> }

const kept = (): readonly KeptResult[] =>
  existsSync(FILE) ? (JSON.parse(readFileSync(FILE, 'utf8')) as readonly KeptResult[]) : []

const round = (value: number | null): number | null => (value === null ? null : Math.round(value * 10) / 10)

/** Each result in place of the last one of its alert; by name. */
export const keep = async (results: readonly DrillResult[], stack: Stack): Promise<void> => {
  const versions = stackVersions(stack)
  const byName = new Map(kept().map((result) => [result.alert, result]))
  for (const result of results) {
    const { firedSeconds, resolvedSeconds, problem, ...rest } = result
    const times = { firedSeconds: round(firedSeconds), resolvedSeconds: round(resolvedSeconds) }
    const why = problem === undefined ? {} : { problem: problem.split('\n')[0] ?? '' }
    byName.set(result.alert, { ...rest, ...why, ...times, versions })
  }
  const sorted = [...byName.values()].sort((a, b) => (a.alert < b.alert ? -1 : 1))
  const options = (await resolveConfig(FILE)) ?? {}
  writeFileSync(FILE, await format(JSON.stringify(sorted), { ...options, parser: 'json' }))
}
