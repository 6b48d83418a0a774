/**
 * The runtime. Millrace needs Node 24 (types run as they are, node:sqlite, await using). On an older Node it starts itself
 * again on the runtime that npm installed beside it. Uses only what Node 18 knows: this file must load everywhere.
 */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const NEEDED = 24

const majorOf = (version: string): number => Number(version.replace(/^v/, '').split('.')[0])

export const isRuntimeTooOld = (version = process.versions.node): boolean => majorOf(version) < NEEDED

/** Names under which npm distributes Node for this machine. */
const packageNames = (): string[] => {
  const machine = `${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
  return [`node-${machine}`, `node-bin-${machine}`]
}

/** Path of the installed runtime, null when npm left it out (no optional packages, or no such platform). */
export const findPinnedRuntime = (from: string): string | null => {
  const require = createRequire(from)
  for (const name of packageNames()) {
    try {
      const manifest = require.resolve(`${name}/package.json`)
      const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
      const binary = join(dirname(manifest), 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
      if (majorOf(version) >= NEEDED && existsSync(binary)) return binary
    } catch {
      // Not installed under this name.
    }
  }
  return null
}

/** Signals that reach only this process are handed on; Ctrl-C in a terminal reaches the child by itself as well. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const

/** Runs the same command line on `binary`; resolves with its exit code. */
export const runOn = (binary: string, args: readonly string[]): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(binary, [...process.execArgv, ...args], { stdio: 'inherit' })
    for (const signal of SIGNALS) process.on(signal, () => child.kill(signal))
    child.once('error', reject)
    child.once('exit', (code) => resolve(code ?? 1))
  })

export const installAdvice = (version = process.versions.node): string =>
  `millrace needs Node ${NEEDED} or newer and runs on ${version}. Run \`npm install\` without --omit=optional, ` +
  `which brings a runtime for most machines, or install Node ${NEEDED} from https://nodejs.org.\n`
