/**
 * Runs what a runbook tells an operator to type: its blocks of commands, with the addresses of a stack in the variables that every
 * runbook uses. A block that fails makes the runbook false. Which blocks, and when, its callers say; `confirm` is for the moment at
 * which an alert has come.
 */
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Stack } from './stack.ts'

const ROOT = join(import.meta.dirname, '../..')
const FOLDER = join(ROOT, 'docs/runbooks')
/** Where `millrace` is found. */
const OURS = join(ROOT, 'test/runbooks/bin')
const LONGEST_MS = 150_000

/** The variables that docs/runbooks/README.md tells operators to set. */
export const variables = (stack: Stack): Readonly<Record<string, string>> => ({
  PROMETHEUS: stack.prometheus.url,
  ALERTMANAGER: stack.alertmanager.url,
  INGESTER: stack.ingester.url,
  BACKFILLER: stack.backfiller.url,
  INDEXER: stack.indexer.url,
  REDIS_URL: stack.redis.url,
  DATABASE_URL: stack.database.url,
  MILLRACE_PROMETHEUS: stack.prometheus.url,
  MILLRACE_SERVICES: [stack.ingester.url, stack.backfiller.url, stack.indexer.url].join(','),
  RELAY_HOSTS: stack.relay.url,
  LABELER_HOSTS: stack.labeler.url,
  PLC_URL: stack.network.plcUrl,
})

const PATH = [OURS, dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter)

export const hasRunbook = (alert: string): boolean => existsSync(join(FOLDER, `${alert}.md`))

/** The blocks that only look, under headings that begin with "Confirm", up to the next heading. */
export const confirmBlocks = (text: string): readonly string[] => {
  const section = /^(#{1,6}) Confirm.*\n([^]*?)(?=^#{1,6} |(?![^]))/gm
  return [...text.matchAll(section)].flatMap(([, , body]) =>
    [...(body ?? '').matchAll(/^```bash\n([^]*?)^```/gm)].map(([, block]) => block ?? ''),
  )
}

/** What the block prints; rejects when any of its commands fails. */
export const runBlock = async (block: string, stack: Stack): Promise<string> => {
  const env = { PATH, HOME: process.env['HOME'] ?? '', ...variables(stack) }
  const options = { env, timeout: LONGEST_MS, cwd: ROOT }
  const { stdout } = await promisify(execFile)('bash', ['--norc', '-euo', 'pipefail', '-c', block], options)
  return stdout
}

/** How many blocks ran; null when the runbook is not written yet. */
export const confirm = async (alert: string, stack: Stack): Promise<number | null> => {
  if (!hasRunbook(alert)) return null
  const blocks = confirmBlocks(readFileSync(join(FOLDER, `${alert}.md`), 'utf8'))
  if (blocks.length === 0) throw new Error(`the runbook of ${alert} has no commands under "Confirm"`)
  for (const block of blocks) {
    await runBlock(block, stack).catch((error: unknown) => {
      throw new Error(`a command of the runbook of ${alert} failed: ${String(error)}\n${block}`)
    })
  }
  return blocks.length
}
