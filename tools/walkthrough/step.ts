/** One step of the walk: what the seed's document says, what is done here for it, and the commands with the output they gave. */
import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { delimiter, dirname, join } from 'node:path'
import type { Fleet } from './fleet.ts'

export type Command = {
  /** As it is typed: in a shell, in the folder of the project. */
  readonly run: string
  /** The document's own command, where this one stands in its place. */
  readonly inPlaceOf?: string
  /** It is repeated until its output is this; then, or when time is over, it is written down. */
  readonly until?: (output: string) => boolean
  /** Lines shown of a long output. */
  readonly lines?: number
}

export type Step = {
  readonly heading: string
  /** What the document says there, in its own words. */
  readonly seed: string
  readonly text?: string
  readonly before?: (fleet: Fleet) => Promise<unknown>
  readonly commands: readonly Command[]
  /** What the document lists, item by item, each asked for. */
  readonly table?: (fleet: Fleet) => Promise<Table>
}

export type Table = {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
  readonly faults: readonly string[]
}

export type Answer = { readonly command: Command; readonly output: string; readonly fault: string | null }
export type Walked = {
  readonly step: Step
  readonly answers: readonly Answer[]
  readonly table: Table | null
}

const LONGEST_MS = 90_000

/** Nothing of the person who runs this leaks in; names of the fleet lead to its programs. */
const environmentFor = ({ road, folder }: Fleet): Record<string, string> => ({
  PATH: [dirname(process.execPath), process.env['PATH'] ?? ''].join(delimiter),
  HOME: folder,
  http_proxy: road.url,
  NODE_USE_ENV_PROXY: '1',
  NO_COLOR: '1',
  npm_config_update_notifier: 'false',
  FLEET: String(process.pid),
  LOGS: folder,
})

type Ran = { readonly output: string; readonly code: number }

const inShell = (text: string, fleet: Fleet): Promise<Ran> =>
  new Promise((resolve) => {
    const options = {
      cwd: join(import.meta.dirname, '../..'),
      env: environmentFor(fleet),
      timeout: LONGEST_MS,
      maxBuffer: 64 * 1024 ** 2,
    }
    execFile('bash', ['-o', 'pipefail', '-c', text], options, (error, stdout, stderr) =>
      resolve({ output: error ? stdout + stderr : stdout, code: error ? Number(error.code ?? 1) || 1 : 0 }),
    )
  })

const faultOf = ({ output, code }: Ran, { until }: Command): string | null => {
  if (code !== 0) return `it ended with ${code}: ${output.slice(-500)}`
  if (output.trim() === '') return 'it gave nothing'
  return until === undefined || until(output) ? null : `not what was expected: ${output.slice(-500)}`
}

/** A scrape and an evaluation take a moment: asks again until it is as it has to be. */
const carryOut = async (command: Command, fleet: Fleet): Promise<Answer> => {
  const deadline = Date.now() + LONGEST_MS
  for (;;) {
    const ran = await inShell(command.run, fleet)
    const fault = faultOf(ran, command)
    if (fault === null || Date.now() > deadline) return { command, output: ran.output, fault }
    await sleep(500)
  }
}

export const takeStep = async (step: Step, fleet: Fleet): Promise<Walked> => {
  await step.before?.(fleet)
  const found: Answer[] = []
  for (const command of step.commands) found.push(await carryOut(command, fleet))
  return { step, answers: found, table: (await step.table?.(fleet)) ?? null }
}

/** Everything that went wrong, as sentences. */
export const faultsOf = (walked: readonly Walked[]): string[] =>
  walked.flatMap(({ step, answers: given, table }) => [
    ...given.flatMap(({ command, fault }) =>
      fault === null ? [] : [`${step.heading}: \`${command.run}\`: ${fault}`],
    ),
    ...(table?.faults ?? []).map((fault) => `${step.heading}: ${fault}`),
  ])

/** A question to this fleet's Prometheus, as a command. */
export const query = (expression: string, show = '{metric, value: .value[1]}'): string =>
  `curl -sG http://localhost:9090/api/v1/query --data-urlencode 'query=${expression}' | jq -c '.data.result[] | ${show}'`
