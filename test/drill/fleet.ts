/** The three services as they run in a fleet: a process each, on fixed ports, so that one that is gone is missed where it was. */
import { join } from 'node:path'
import type { ServiceName } from '../../src/monitoring/status.ts'
import type { Sandbox } from '../../src/sandbox/index.ts'
import { identities } from '../e2e/programs.ts'
import { freePort } from '../harness/services.ts'
import type { Cable } from './cable.ts'
import { answers, Program } from './program.ts'

export const MAIN = join(import.meta.dirname, '../../src/cli/main.ts')

export type Upstream = { readonly network: Sandbox; readonly relay: Cable; readonly labeler: Cable }

export type Service = {
  readonly name: ServiceName
  readonly url: string
  readonly address: string
  readonly program: Program
  /** Its command line, to start it again with something else at the end of it. */
  readonly args: readonly string[]
}

/** What an operator would write, but for times that wait for a fault: those are of the drills' day. */
const SETTINGS: Readonly<Record<ServiceName, readonly string[]>> = {
  ingester: ['--ingester-idle-timeout', '20s'],
  backfiller: ['--backfiller-concurrency', '4', '--backfiller-retry-initial', '100ms'],
  indexer: ['--database-pool-size', '6'],
}

const upstreamOf = (name: ServiceName, { network, relay, labeler }: Upstream): readonly string[] =>
  name === 'ingester'
    ? ['--relay-hosts', relay.url, '--labeler-hosts', labeler.url]
    : identities(network, name === 'indexer')

export type Stores = { readonly redisUrl: string; readonly databaseUrl: string }

export const openService = async (
  name: ServiceName,
  upstream: Upstream,
  { redisUrl, databaseUrl }: Stores,
  { folder, main = MAIN }: { readonly folder: string; readonly main: string | undefined },
): Promise<Service> => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const args = [
    '--max-semi-space-size=4',
    main,
    name,
    ...['--redis-url', redisUrl, `--${name}-metrics-port`, String(port), '--monitoring-host', '127.0.0.1'],
    ...(name === 'indexer' ? ['--database-url', databaseUrl] : []),
    ...upstreamOf(name, upstream),
    ...SETTINGS[name],
  ]
  const program = new Program({
    command: process.execPath,
    args,
    logFile: join(folder, `${name}-${port}.log`),
    isReady: () => answers(`${url}/healthz`),
    env: { MILLRACE_LOG_FORMAT: 'json' },
  })
  return { name, url, address: `127.0.0.1:${port}`, program, args }
}
