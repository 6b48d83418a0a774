/**
 * Runs what a runbook tells an operator to type: the ```bash blocks under its heading "Confirm", at the moment its alert has come, with
 * the addresses of the stack in the variables that every runbook uses. A block that fails makes the runbook false.
 */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Stack } from './stack.ts'

const FOLDER = join(import.meta.dirname, '../../docs/runbooks')
const LONGEST_MS = 60_000

/** The variables that a runbook's commands may use. */
export const variables = (stack: Stack): Readonly<Record<string, string>> => ({
  PROMETHEUS: stack.prometheus.url,
  ALERTMANAGER: stack.alertmanager.url,
  INGESTER: stack.ingester.url,
  BACKFILLER: stack.backfiller.url,
  INDEXER: stack.indexer.url,
  REDIS_URL: stack.redis.url,
  DATABASE_URL: stack.database.url,
})

export const hasRunbook = (alert: string): boolean => existsSync(join(FOLDER, `${alert}.md`))

/** The blocks under headings that begin with "Confirm", up to the next heading of that level or above. */
export const confirmBlocks = (text: string): readonly string[] => {
  const section = /^(#{1,6}) Confirm.*\n([^]*?)(?=^#{1,6} |(?![^]))/gm
  return [...text.matchAll(section)].flatMap(([, , body]) =>
    [...(body ?? '').matchAll(/^```(?:bash|sh)\n([^]*?)^```/gm)].map(([, block]) => block ?? ''),
  )
}

/** How many blocks ran; null when the runbook is not written yet. */
export const confirm = async (alert: string, stack: Stack): Promise<number | null> => {
  if (!hasRunbook(alert)) return null
  const blocks = confirmBlocks(readFileSync(join(FOLDER, `${alert}.md`), 'utf8'))
  if (blocks.length === 0) throw new Error(`the runbook of ${alert} has no commands under "Confirm"`)
  const env = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...variables(stack) }
  for (const block of blocks) {
    const options = { env, timeout: LONGEST_MS, cwd: join(FOLDER, '../..') }
    await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', block], options).catch((error: unknown) => {
      throw new Error(`a command of the runbook of ${alert} failed: ${String(error)}\n${block}`)
    })
  }
  return blocks.length
}
