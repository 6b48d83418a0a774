/** The commands under test as they are typed, and what can be learnt of them from outside: their addresses, their end. */
import assert from 'node:assert/strict'
import { parseExposition } from '../../src/monitoring/exposition.ts'
import type { Sandbox } from '../../src/sandbox/index.ts'
import type { ServiceName } from '../../src/monitoring/status.ts'
import type { ServicePorts } from '../monitoring/prometheus.ts'
import { start, type Running } from '../cli/program.ts'
import { until } from './until.ts'

export const upstreams = ({ relayUrls, labelerUrls }: Sandbox): string[] => [
  '--relay-hosts',
  relayUrls.join(','),
  '--labeler-hosts',
  labelerUrls.join(','),
]

/** Where the backfiller and the indexer look identities up. */
export const identities = ({ plcUrl, pdsUrls }: Sandbox, withHandles = true): string[] => [
  '--plc-url',
  plcUrl,
  ...(withHandles ? ['--handle-resolver-url', pdsUrls[0] ?? ''] : []),
  '--allow-http',
]

export const anyPort = (...services: ServiceName[]): string[] =>
  services.flatMap((service) => [`--${service}-metrics-port`, '0'])

/** What every service logs once it works. */
const SERVING = /metrics, health and console/

/** A program that is killed and started again, any number of times, always as the same command line. */
export class Restartable implements AsyncDisposable {
  readonly #args: readonly string[]
  #program: Running

  constructor(args: readonly string[]) {
    this.#args = args
    this.#program = start(args)
  }

  /** It opened its stores and serves; rejects with what it said when it ended instead. */
  get serving(): Promise<void> {
    return this.#program.says(SERVING)
  }

  get running(): Running {
    return this.#program
  }

  /** kill -9, for good. */
  async kill(): Promise<void> {
    this.#program.child.kill('SIGKILL')
    await this.#program.ended
    assert.equal(this.#program.child.signalCode, 'SIGKILL', 'it was still running when it was killed')
  }

  /** kill -9, and at once again. */
  async killAndRestart(): Promise<void> {
    await this.kill()
    this.#program = start(this.#args)
    await this.serving
  }

  /** Held in the very state it is in, until it is thawed or killed. */
  freeze(): void {
    this.#program.child.kill('SIGSTOP')
  }

  thaw(): void {
    this.#program.child.kill('SIGCONT')
  }

  /** The sum of all series of the name since its last start; it runs one service. */
  async metric(name: string): Promise<number> {
    const url = await until('it serves', () => addresses(this.#program)[0]?.url ?? null)
    const answer = await fetch(new URL('/metrics', url))
    const series = parseExposition(await answer.text()).filter((one) => one.name === name)
    return series.reduce((sum, { value }) => sum + value, 0)
  }

  /** SIGTERM; the service must drain and exit 0. */
  async stop(): Promise<void> {
    this.#program.child.kill('SIGTERM')
    const { code, stderr } = await this.#program.ended
    assert.equal(code, 0, stderr.slice(-4_000))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]()
  }
}

type LogLine = { readonly service: ServiceName; readonly url: string }

const addressIn = (line: string): readonly LogLine[] =>
  SERVING.test(line) && line.startsWith('{') ? [JSON.parse(line) as LogLine] : []

/** Of all services that it runs, once they serve. The last line may be half written. */
const addresses = (program: Running): readonly LogLine[] =>
  program.said().split('\n').slice(0, -1).flatMap(addressIn)

/** The ports on which the three services serve, in however many programs, read from what these log. */
export const portsOf = (...programs: Running[]): Promise<ServicePorts> =>
  until(
    'all three services serve',
    () => {
      const found = new Map(
        programs.flatMap(addresses).map(({ service, url }) => [service, Number(new URL(url).port)]),
      )
      const [ingester, backfiller, indexer] = [
        found.get('ingester'),
        found.get('backfiller'),
        found.get('indexer'),
      ]
      return ingester && backfiller && indexer ? { ingester, backfiller, indexer } : null
    },
    { why: () => programs.map((program) => program.said().slice(-2_000)) },
  )
