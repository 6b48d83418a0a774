/**
 * Everything a drill breaks and everything that watches it: the sandbox network behind cables, a Redis and a PostgreSQL of its own,
 * the three services, exporters, Prometheus, Alertmanager and the webhook. Owns their start, their addresses and their end.
 */
import { mkdirSync, rmSync } from 'node:fs'
import type { ServiceName } from '../../src/monitoring/status.ts'
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts'
import { temporaryFolder } from '../harness/servers.ts'
import { until } from '../e2e/until.ts'
import { freePort } from '../harness/services.ts'
import { Cable } from './cable.ts'
import { startDatabase, type Database } from './database.ts'
import { openPostgresExporter, openRedisExporter } from './exporters.ts'
import { openService, type Service } from './fleet.ts'
import { startStreams, type Streams } from './streams.ts'
import { openAlertmanager, openPrometheus, type Alertmanager, type Prometheus } from './watchers.ts'
import { startWebhook, type Webhook } from './webhook.ts'

export type Stack = AsyncDisposable & {
  readonly network: Sandbox
  /** By how many seconds everything the network tells is late. */
  setLateness(seconds: number): void
  /** Between the ingester and the relay, and the labeler. */
  readonly relay: Cable
  readonly labeler: Cable
  readonly redis: Streams
  readonly database: Database
  readonly ingester: Service
  readonly backfiller: Service
  readonly indexer: Service
  readonly exporters: { readonly redis: Service['program']; readonly postgres: Service['program'] }
  readonly prometheus: Prometheus
  readonly alertmanager: Alertmanager
  readonly webhook: Webhook
  /** One more process of a service (of another build: its `main`), not started, on a port Prometheus does not know. */
  another(name: ServiceName, main?: string): Promise<Service>
  /** Gone with the stack. */
  readonly folder: string
}

export const EVENTS_PER_SECOND = 15

/** A network whose clock can be late: what it tells then happened that long ago. */
const openLateNetwork = async (): Promise<{ network: Sandbox; setLateness: (seconds: number) => void }> => {
  let latenessMs = 0
  const network = await openNetwork(() => Date.now() - latenessMs)
  return { network, setLateness: (seconds) => (latenessMs = seconds * 1_000) }
}

/** Enough events for the longest run; a few records are there before the relay's window, for the backfiller. */
const openNetwork = (now: () => number): Promise<Sandbox> =>
  startSandbox({
    seed: 'drill',
    accounts: 40,
    records: 2_000_000,
    backfillShare: 0.0005,
    ratePerSecond: 0,
    pdses: 2,
    now,
  })

const openWorld = async (stack: AsyncDisposableStack) => {
  const folder = temporaryFolder('drill')
  stack.defer(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }))
  const { network, setLateness } = await openLateNetwork()
  stack.defer(() => network.close())
  const relay = stack.use(await Cable.to(network.relayUrls[0] ?? ''))
  const labeler = stack.use(await Cable.to(network.labelerUrls[0] ?? ''))
  const redis = stack.use(await startStreams())
  const database = stack.use(await startDatabase())
  return { folder, network, setLateness, relay, labeler, redis, database }
}

type World = Awaited<ReturnType<typeof openWorld>>

const openOne =
  (stack: AsyncDisposableStack, world: World) =>
  async (name: ServiceName, main?: string): Promise<Service> => {
    const stores = { redisUrl: world.redis.url, databaseUrl: world.database.url }
    const service = await openService(name, world, stores, { folder: world.folder, main })
    stack.use(service.program)
    return service
  }

const openFleet = async (stack: AsyncDisposableStack, world: World) => {
  const open = openOne(stack, world)
  const [ingester, backfiller, indexer] = [
    await open('ingester'),
    await open('backfiller'),
    await open('indexer'),
  ]
  await Promise.all([ingester, backfiller, indexer].map(({ program }) => program.start()))
  return { ingester, backfiller, indexer }
}

type Fleet = Awaited<ReturnType<typeof openFleet>>

const openWatchers = async (
  stack: AsyncDisposableStack,
  { folder, redis, database }: World,
  fleet: Fleet,
) => {
  mkdirSync(folder, { recursive: true })
  const webhook = stack.use(await startWebhook())
  const alertmanager = await openAlertmanager(webhook.url, folder)
  const ofRedis = await openRedisExporter(folder, redis.url)
  const ofPostgres = await openPostgresExporter(folder, database.url)
  const port = await freePort()
  const targets = {
    'rust-ingester': [fleet.ingester.address],
    'rust-backfiller': [fleet.backfiller.address],
    'rust-indexer': [fleet.indexer.address],
    prometheus: [`127.0.0.1:${port}`],
    alertmanager: [alertmanager.address],
    redis: [ofRedis.address],
    postgres: [ofPostgres.address],
  }
  const prometheus = openPrometheus({ targets, folder, port }, alertmanager.address)
  const programs = [alertmanager.program, ofRedis.program, ofPostgres.program, prometheus.program]
  for (const program of programs) stack.use(program)
  await Promise.all(programs.map((program) => program.start()))
  const exporters = { redis: ofRedis.program, postgres: ofPostgres.program }
  return { webhook, alertmanager, prometheus, exporters }
}

/** Two of the shortest windows of the drills' clock: before, what Prometheus tells is about a beginning. */
const SEEN_AT_WORK = ['ingester_firehose_events_total', 'indexer_events_processed_total'].map(
  (counter) => `rate(${counter}[10s]) > 0 and count_over_time(${counter}[20s]) >= 8`,
)

/** Resolves once Prometheus has seen events come in and be indexed for a while. */
const atWork = (prometheus: Prometheus): Promise<unknown> =>
  until(
    'Prometheus sees the fleet at work',
    async () => {
      const seen = await Promise.all(SEEN_AT_WORK.map((query) => prometheus.query(query).catch(() => [])))
      return seen.every((series) => series.length > 0) ? true : null
    },
    { everyMs: 500 },
  )

export const openStack = async (): Promise<Stack> => {
  await using opening = new AsyncDisposableStack()
  const world = await openWorld(opening)
  const fleet = await openFleet(opening, world)
  // Not before: what nobody followed yet would come late.
  world.network.setRate(EVENTS_PER_SECOND)
  const watchers = await openWatchers(opening, world, fleet)
  await atWork(watchers.prometheus)
  const all = opening.move()
  const another = openOne(all, world)
  return { ...world, ...fleet, ...watchers, another, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

export const logsOf = (stack: Stack): string =>
  [stack.ingester, stack.backfiller, stack.indexer]
    .map(({ name, program }) => `--- ${name}\n${program.log().split('\n').slice(-6).join('\n')}`)
    .join('\n')
