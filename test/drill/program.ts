/**
 * One program of a drill's stack, as a process that can be killed, frozen, stopped and started again on the same ports. Guarantees
 * that it ends when we end, however we end. What it is and when it is ready, its owner says.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { until } from '../e2e/until.ts'

export type ProgramOptions = {
  readonly command: string
  readonly args: readonly string[]
  /** Where it says what happens to it. */
  readonly logFile: string
  readonly isReady: () => Promise<boolean>
  readonly env?: Readonly<Record<string, string>>
}

const READY_WITHIN_MS = 60_000

export class Program implements AsyncDisposable {
  readonly #options: ProgramOptions
  #child: ChildProcess | null = null
  #ended: Promise<void> = Promise.resolve()

  constructor(options: ProgramOptions) {
    this.#options = options
  }

  /** Resolves once it is ready; with `args` in place of its own, until the next start. */
  async start(args: readonly string[] = this.#options.args): Promise<void> {
    const { command, isReady, logFile, env } = this.#options
    const log = openSync(logFile, 'a')
    const child = spawn(command, args, { stdio: ['ignore', log, log], env: { ...BASE_ENV, ...env } })
    closeSync(log)
    const release = endWithUs(child)
    this.#child = child
    this.#ended = new Promise<void>((resolve) => {
      child.once('error', () => resolve())
      child.once('close', () => resolve())
    }).then(release)
    await until(
      `${command} is ready`,
      async () => {
        if (child.exitCode !== null) throw new Error(`${command} ended during its start: ${this.log()}`)
        return (await isReady()) ? true : null
      },
      { longestMs: READY_WITHIN_MS, why: () => this.log() },
    )
  }

  get pid(): number {
    return this.#child?.pid ?? -1
  }

  get isRunning(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null
  }

  /** kill -9. */
  kill = (): Promise<void> => this.#end('SIGKILL')

  /** SIGTERM, as a supervisor stops it. */
  stop = (): Promise<void> => this.#end('SIGTERM')

  /** It holds everything and does nothing. */
  pause(): void {
    this.#child?.kill('SIGSTOP')
  }

  resume(): void {
    this.#child?.kill('SIGCONT')
  }

  async restart(args?: readonly string[]): Promise<void> {
    await this.stop()
    await this.start(args)
  }

  /** The end of what it said. */
  log(): string {
    return readFileSync(this.#options.logFile, 'utf8').slice(-3_000)
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    if (!this.isRunning) return
    this.#child?.kill(signal)
    this.resume()
    await this.#ended
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }
}

/** The settings of the person who runs the drills must not leak in. */
const BASE_ENV = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' }

/** A shell whose input is ours reads end-of-file when we are gone, and ends the program, frozen or not. */
const endWithUs = (child: ChildProcess): (() => void) => {
  const watcher = spawn('sh', ['-c', 'cat >/dev/null; kill -KILL "$1"', 'sh', String(child.pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  watcher.unref()
  ;(watcher.stdin as unknown as { unref?(): void }).unref?.()
  return () => watcher.kill('SIGKILL')
}

/** Whether something answers there with success. */
export const answers = async (url: string): Promise<boolean> => {
  const answer = await fetch(url, { signal: AbortSignal.timeout(2_000) }).catch(() => null)
  await answer?.body?.cancel()
  return answer?.ok ?? false
}
