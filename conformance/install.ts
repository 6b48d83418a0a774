/**
 * Installs the reference from its own lockfile, once per lockfile and Node. Owns where native code finds the headers it is built
 * with: those that came with the running Node, as nothing may be fetched from outside the registry.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, realpathSync, writeFileSync } from 'node:fs'
import { hash } from 'node:crypto'
import { dirname, join } from 'node:path'
import { findProgram, installPrograms, type Program } from '../test/harness/binaries.ts'

const FOLDER = import.meta.dirname
const STAMP = join(FOLDER, 'node_modules/.installed')

/** What the installed packages depend on: the lockfile, and the interface of native code. */
const wanted = (): string =>
  `${hash('sha256', readFileSync(join(FOLDER, 'package-lock.json')))} ${process.versions.modules}`

const headers = (): Readonly<Record<string, string>> => {
  const nodeDir = dirname(dirname(realpathSync(process.execPath)))
  return existsSync(join(nodeDir, 'include/node/node.h')) ? { npm_config_nodedir: nodeDir } : {}
}

/** What builds native code. */
const TOOLS: readonly Program[] = ['c++', 'make', 'python3']
const missing = () => TOOLS.filter((program) => findProgram(program) === null)

/** The reference is not to be had on this machine: nothing was compared. */
export class CannotRun extends Error {}

export const install = (say: (text: string) => void): void => {
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === wanted()) return
  if (missing().length > 0) installPrograms(missing())
  if (missing().length > 0)
    throw new CannotRun(`native code cannot be built here without ${missing().join(', ')}`)
  say('installing @atproto/dev-env from its lockfile: native code is built, this takes minutes')
  const { status, stderr, error } = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: FOLDER,
    env: { ...process.env, ...headers() },
    encoding: 'utf8',
  })
  if (status !== 0)
    throw new CannotRun(
      `the reference cannot be installed on this machine\n${(error?.message ?? stderr).trim().slice(-2_000)}`,
    )
  writeFileSync(STAMP, wanted())
}
