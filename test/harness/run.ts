/**
 * `npm test [files or folders] [node's --test options]`: finds or installs what the selected files need, starts one Redis
 * and one PostgreSQL for all of them, runs node's own test runner, and stops everything again. Exits with the runner's code.
 */
import { spawn } from 'node:child_process'
import { globSync, statSync } from 'node:fs'
import { constants } from 'node:os'
import { join, relative } from 'node:path'
import { pathToFileURL } from 'node:url'
import { installPrograms } from './binaries.ts'
import type { Need } from './needs.ts'
import { needsOf, PROGRAMS, whyMissing } from './needs.ts'
import type { Server } from './servers.ts'
import { startPostgres, startRedis } from './servers.ts'

const ROOT = join(import.meta.dirname, '../..')

type Manner = { readonly atOnce: number; readonly testMs: number; readonly fileMs: number }
/** Bounds of a single test, and of a file (deadline.ts). */
const ORDINARY: Manner = { atOnce: 2, testMs: 180_000, fileMs: 300_000 }
/** A file that starts a whole fleet and who watches it: alone, because what it waits for is told in seconds. */
const FLEETS: Manner = { atOnce: 1, testMs: 1_200_000, fileMs: 1_500_000 }
const isFleet = (file: string): boolean => {
  const needs = needsOf(file)
  return needs.includes('prom') && needs.includes('redis')
}

type Skipped = { readonly file: string; readonly reason: string }

const say = (text: string): void => console.log(`millrace tests: ${text}`)

const main = async (args: readonly string[]): Promise<number> => {
  const options = args.filter((arg) => arg.startsWith('--'))
  const selected = selectFiles(args.filter((arg) => !arg.startsWith('--')))
  provide(new Set(selected.flatMap(needsOf)))
  const { files, skipped } = split(selected)
  if (files.length === 0) say('no test file to run')
  const code = files.length === 0 ? 1 : await runWithServers(files, options)
  const mayBeMissing = process.env['CI'] !== 'true'
  for (const { file, reason } of skipped) {
    say(`!!! ${file} ${mayBeMissing ? 'skipped' : 'FAILED, as nothing may be missing in CI'}: ${reason}`)
  }
  return code === 0 && skipped.length > 0 && !mayBeMissing ? 1 : code
}

/** All test files, or those named, or those inside the folders named. */
const selectFiles = (names: readonly string[]): string[] => {
  const patterns =
    names.length === 0 ? ['{src,test}/**/*.test.ts', 'conformance/*.test.ts'] : names.map(patternOf)
  const found = patterns.flatMap((pattern) => globSync(pattern, { cwd: ROOT }))
  return [...new Set(found)].sort()
}

const patternOf = (name: string): string => {
  const path = relative(ROOT, join(process.cwd(), name))
  return statSync(join(ROOT, path), { throwIfNoEntry: false })?.isDirectory() ? `${path}/**/*.test.ts` : path
}

const provide = (wanted: ReadonlySet<Need>): void => {
  const missing = [...wanted].filter((need) => whyMissing(need) !== null)
  const programs = missing.flatMap((need) => PROGRAMS[need])
  if (programs.length > 0) installPrograms(programs)
}

const split = (selected: readonly string[]): { files: string[]; skipped: Skipped[] } => {
  const reasonOf = (file: string) =>
    needsOf(file)
      .map(whyMissing)
      .find((reason) => reason !== null)
  const skipped = selected.flatMap((file) => {
    const reason = reasonOf(file)
    return reason ? [{ file, reason }] : []
  })
  const without = new Set(skipped.map(({ file }) => file))
  return { files: selected.filter((file) => !without.has(file)), skipped }
}

/** A variable that is set already (a server of the caller's) is used as it is. */
const runWithServers = async (files: readonly string[], options: readonly string[]): Promise<number> => {
  const wanted = new Set(files.flatMap(needsOf))
  const started: Server[] = []
  const env = { ...process.env }
  const offer = async (variable: string, start: () => Promise<Server>) => {
    if (env[variable]) return say(`using ${variable}`)
    const server = await start()
    started.push(server)
    env[variable] = server.url
  }
  try {
    if (wanted.has('redis')) await offer('TEST_REDIS_URL', startRedis)
    if (wanted.has('pg')) await offer('TEST_POSTGRES_URL', startPostgres)
    const fleets = files.filter(isFleet)
    const others = files.filter((file) => !isFleet(file))
    const codes = [
      ...(others.length > 0 ? [await runNode(others, options, env, ORDINARY)] : []),
      ...(fleets.length > 0 ? [await runNode(fleets, options, env, FLEETS)] : []),
    ]
    return codes.find((code) => code !== 0) ?? 0
  } finally {
    await Promise.all(started.map((server) => server.stop()))
  }
}

const runNode = (
  files: readonly string[],
  options: readonly string[],
  env: NodeJS.ProcessEnv,
  { atOnce, testMs, fileMs }: Manner,
): Promise<number> =>
  new Promise((resolve, reject) => {
    const deadline = pathToFileURL(join(import.meta.dirname, 'deadline.ts')).href
    const limits = [`--test-concurrency=${atOnce}`, `--test-timeout=${testMs}`, '--test-reporter=spec']
    const child = spawn(process.execPath, ['--import', deadline, '--test', ...limits, ...options, ...files], {
      cwd: ROOT,
      env: { TEST_FILE_TIMEOUT_MS: String(fileMs), ...env },
      stdio: 'inherit',
    })
    const pass = (signal: NodeJS.Signals) => child.kill(signal)
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, pass)
    child.once('error', reject)
    child.once('close', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)))
  })

process.exitCode = await main(process.argv.slice(2))
