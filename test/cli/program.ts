/** Runs the real program as a child process, the way a person or a supervisor would. */
import { spawn, type ChildProcess } from 'node:child_process'
import { join } from 'node:path'

const MAIN = join(import.meta.dirname, '../../src/cli/main.ts')

/** A program that runs on where it should have ended must not hang the tests. */
const LONGEST_MS = 170_000

export type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

export type Running = AsyncDisposable & {
  readonly child: ChildProcess
  /** Resolves once standard error contains `pattern`; rejects when the program ends without it. */
  readonly says: (pattern: RegExp) => Promise<void>
  /** Standard error so far. */
  readonly said: () => string
  readonly ended: Promise<Ended>
}

/** Only what a program needs to start: the settings of the person who runs the tests must not leak in. */
const environment = (extra: Record<string, string>): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  HOME: process.env['HOME'] ?? '',
  MILLRACE_LOG_FORMAT: 'json',
  ...extra,
})

const collect = (child: ChildProcess) => {
  const output = { stdout: '', stderr: '' }
  const watchers = new Set<() => void>()
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text
    for (const watch of watchers) watch()
  })
  return { output, watchers }
}

export const start = (args: readonly string[], env: Record<string, string> = {}): Running => {
  const child = spawn(process.execPath, [MAIN, ...args], {
    env: environment(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const { output, watchers } = collect(child)
  const deadline = setTimeout(() => child.kill('SIGKILL'), LONGEST_MS)
  child.once('close', () => clearTimeout(deadline))
  const ended = new Promise<Ended>((resolve) => child.once('close', (code) => resolve({ code, ...output })))
  const says = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!pattern.test(output.stderr)) return
        watchers.delete(look)
        resolve()
      }
      watchers.add(look)
      void ended.then(() => reject(new Error(`ended without saying ${pattern}:\n${output.stderr}`)))
      look()
    })
  const dispose = async () => {
    child.kill('SIGKILL')
    await ended
  }
  return { child, says, said: () => output.stderr, ended, [Symbol.asyncDispose]: dispose }
}

/** Runs to the end. */
export const run = async (args: readonly string[], env: Record<string, string> = {}): Promise<Ended> => {
  await using program = start(args, env)
  return await program.ended
}
