/**
 * The fleet of the seed's document as processes of this machine: one ingester, two backfillers, indexers, their stores, exporters,
 * Prometheus and Alertmanager with the production configurations. Every program goes by the name and port it is deployed under.
 */
import { rmSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import type { FaultSetting } from '../../src/sandbox/faults.ts'
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts'
import { Cable } from '../../test/drill/cable.ts'
import { startDatabase, type Database } from '../../test/drill/database.ts'
import { openPostgresExporter, openRedisExporter } from '../../test/drill/exporters.ts'
import { answers, Program } from '../../test/drill/program.ts'
import { startStreams, type Streams } from '../../test/drill/streams.ts'
import { temporaryFolder } from '../../test/harness/servers.ts'
import { freePort } from '../../test/harness/services.ts'
import { openRoad, type Road } from './road.ts'
import { openAlertmanager, openPrometheus, type Adapt } from './watchers.ts'

/** Of the six that the document names, as many as a small machine can carry. */
export const INDEXERS = 2

export type Fleet = AsyncDisposable & {
  readonly network: Sandbox
  readonly relay: Cable
  readonly redis: Streams
  readonly database: Database
  readonly road: Road
  readonly programs: ReadonlyMap<string, Program>
  /** Where each program's log is, by its name. */
  readonly folder: string
}

/** Small, and as safe as in production. */
const DURABLE = { max_connections: '40', shared_buffers: '64MB' }

/** What a network does to those who fetch from it; the errors of the document's tables are counted by these. */
const FAULTS: readonly FaultSetting[] = [
  { kind: 'bad_signature', target: 'repo', times: 3 },
  { kind: 'missing_block', target: 'repo', times: 3 },
  { kind: 'http_5xx', target: 'com.atproto.sync.getRepo', times: 2 },
  { kind: 'slow_car', target: 'repo', times: 6, bytesPerSecond: 6_000 },
]

type World = Omit<Fleet, 'programs' | typeof Symbol.asyncDispose>

const openWorld = async (stack: AsyncDisposableStack): Promise<World> => {
  const folder = temporaryFolder('walkthrough')
  stack.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const network = await startSandbox({
    seed: 'walkthrough',
    accounts: 60,
    records: 400_000,
    backfillShare: 0.01,
    ratePerSecond: 0,
    faults: FAULTS,
  })
  stack.defer(() => network.close())
  const relay = stack.use(await Cable.to(network.relayUrls[0] ?? ''))
  await relay.cut()
  const road = stack.use(await openRoad())
  const [redis, database] = await Promise.all([startStreams(), startDatabase(DURABLE)])
  stack.use(redis)
  stack.use(database)
  return { folder, network, relay, road, redis, database }
}

/** Settings by the names that rsky's services read, as in compose.yaml. */
const environmentOf = (name: string, { network, relay, redis, database }: World): Record<string, string> => {
  const identities = { PLC_URL: network.plcUrl, MILLRACE_ALLOW_HTTP: 'yes' }
  const own: Record<string, Record<string, string>> = {
    ingester: {
      INGESTER_RELAY_HOSTS: relay.url,
      INGESTER_LABELER_HOSTS: network.labelerUrls.join(','),
      INGESTER_HIGH_WATER_MARK: '1500',
    },
    backfiller: {
      ...identities,
      BACKFILLER_CONSUMER: name,
      BACKFILLER_CONCURRENCY: '2',
      BACKFILLER_RETRY_INITIAL_BACKOFF_MS: '100',
    },
    indexer: {
      ...identities,
      INDEXER_CONSUMER: name,
      MILLRACE_HANDLE_RESOLVER_URL: network.pdsUrls[0] ?? '',
      DATABASE_URL: database.url,
      DB_POOL_MAX_SIZE: '6',
    },
  }
  return { REDIS_URL: redis.url, ...own[kindOf(name)] }
}

const kindOf = (name: string): string => name.replace(/\d+$/, '')

/** Where it is found from inside the fleet, and from its host. */
const namesOf = (name: string): readonly string[] => {
  if (name === 'ingester') return ['ingester:4100', 'localhost:4100']
  const first = name.startsWith('backfiller') ? 9091 : 9093
  return [`${name}:9090`, `localhost:${first + Number(name.slice(-1)) - 1}`]
}

const openService = async (name: string, world: World): Promise<Program> => {
  const port = await freePort()
  world.road.lead(namesOf(name), port)
  const kind = kindOf(name)
  const node = { PATH: `${dirname(process.execPath)}${delimiter}${process.env['PATH'] ?? ''}` }
  return new Program({
    command: 'node',
    args: ['src/cli/main.ts', kind, `--${kind}-metrics-port`, String(port), '--monitoring-host', '127.0.0.1'],
    logFile: join(world.folder, `${name}.log`),
    isReady: () => answers(`http://127.0.0.1:${port}/healthz`),
    env: { ...node, MILLRACE_LOG_FORMAT: 'json', ...environmentOf(name, world) },
  })
}

export const SERVICES = [
  'ingester',
  'backfiller1',
  'backfiller2',
  ...Array.from({ length: INDEXERS }, (_, i) => `indexer${i + 1}`),
]

const openExporters = async ({ folder, redis, database, road }: World) => {
  const ofRedis = await openRedisExporter(folder, redis.url)
  const ofPostgres = await openPostgresExporter(folder, database.url)
  road.lead(['redis-exporter:9121'], Number(ofRedis.address.split(':')[1]))
  road.lead(['postgres-exporter:9187'], Number(ofPostgres.address.split(':')[1]))
  return { redis: ofRedis.program, postgres: ofPostgres.program }
}

/** Runs without relay and without indexers: who watches sees the figures before anything has moved them. */
export const openFleet = async (adapt: Adapt = (config) => config): Promise<Fleet> => {
  await using opening = new AsyncDisposableStack()
  // Started servers keep no process alive, so between two answers there may be nothing else that does.
  const alive = setInterval(() => undefined, 1_000)
  opening.defer(() => clearInterval(alive))
  const world = await openWorld(opening)
  const programs = new Map<string, Program>()
  const add = (name: string, program: Program) => programs.set(name, opening.use(program))
  for (const name of SERVICES) add(name, await openService(name, world))
  for (const [name, program] of Object.entries(await openExporters(world))) add(`${name}-exporter`, program)
  add('alertmanager', await openAlertmanager(world))
  add('prometheus', await openPrometheus(world, SERVICES, adapt))
  const first = [...programs].filter(([name]) => !name.startsWith('indexer'))
  await Promise.all(first.map(([, program]) => program.start()))
  const all = opening.move()
  return { ...world, programs, [Symbol.asyncDispose]: () => all.disposeAsync() }
}
