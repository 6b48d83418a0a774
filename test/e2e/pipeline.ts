/**
 * The three services in this process, on an embedded log and a database of their own: for what needs their registries at hand, and
 * delays that no operator would set. Everything opened is on the stack.
 */
import { rmSync } from 'node:fs'
import type { Registry } from '@prometheus-io/client'
import { createResolver } from '../../src/atproto/identity.ts'
import { createBackfiller, type BackfillerOptions } from '../../src/backfiller/index.ts'
import { openPool, type Pool } from '../../src/db/pool.ts'
import { createLookup } from '../../src/indexer/lookup.ts'
import { createIndexer } from '../../src/indexer/index.ts'
import { createIngester } from '../../src/ingester/index.ts'
import { silentLogger } from '../../src/lib/logger.ts'
import { runServices } from '../../src/lib/service.ts'
import { scrape } from '../../src/monitoring/registry.ts'
import type { Sandbox } from '../../src/sandbox/index.ts'
import { openEmbeddedLog } from '../../src/stream/embedded/index.ts'
import type { Log } from '../../src/stream/log.ts'
import { temporaryFolder } from '../harness/servers.ts'
import { freshDatabase } from '../harness/services.ts'

export type Pipeline = {
  readonly log: Log
  readonly pool: Pool
  /** The sum of all series of the name, of any service, whose text holds every one of `labels` (`reason="timeout"`). */
  metric(name: string, ...labels: string[]): Promise<number>
  /** Rejects with the reason when a service has failed. */
  alive(): Promise<void>
  stop(): Promise<void>
}

type Options = {
  readonly relayUrls?: readonly string[]
  /** null: nothing fetches the repos that are queued, so that all there is was told live. */
  readonly backfiller?: Partial<BackfillerOptions> | null
}

const QUICKLY = { initialMs: 10, maxMs: 100 }
const FACTS = { logger: silentLogger, version: '0.0.0' }

const openStores = async (stack: AsyncDisposableStack) => {
  const dataDir = temporaryFolder('e2e')
  stack.defer(() => rmSync(dataDir, { recursive: true, force: true }))
  const log = stack.use(await openEmbeddedLog({ dataDir }))
  const database = stack.use(await freshDatabase({ migrated: true }))
  const pool = await openPool({ url: database.url, max: 8, logger: silentLogger })
  stack.defer(() => pool.close())
  return { log, pool }
}

const createServices = (network: Sandbox, { log, pool }: { log: Log; pool: Pool }, options: Options) => {
  const { plcUrl, pdsUrls } = network
  const handleResolverUrl = pdsUrls[0]
  const resolver = createResolver({
    plcUrl,
    timeoutMs: 5_000,
    allowHttp: true,
    ...(handleResolverUrl !== undefined && { handleResolverUrl }),
  })
  const ingester = createIngester({
    ...FACTS,
    log,
    mode: 'all',
    relayHosts: options.relayUrls ?? network.relayUrls,
    labelerHosts: network.labelerUrls,
    idleTimeoutMs: 1_000,
    labelIdleTimeoutMs: 60_000,
    reconnect: QUICKLY,
    fetchRetry: QUICKLY,
  })
  const backfiller = createBackfiller({
    ...FACTS,
    log,
    consumer: 'backfiller_1',
    plcUrl,
    allowHttp: true,
    retryInitialMs: 100,
    retryMaxMs: 500,
    maxRetries: 50,
    ...options.backfiller,
  })
  const indexer = createIndexer({
    ...FACTS,
    log,
    pool,
    mode: 'all',
    group: 'firehose_group',
    consumer: 'indexer_1',
    batchSize: 200,
    lookup: createLookup(resolver, 5_000),
  })
  return options.backfiller === null ? [ingester, indexer] : [ingester, backfiller, indexer]
}

/** A series of the text format: `name{labels} value`. */
const sum = (text: string, name: string, labels: readonly string[]): number =>
  text
    .split('\n')
    .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
    .filter((line) => labels.every((label) => line.includes(label)))
    .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' '))), 0)

const readMetric = async (registries: readonly Registry[], name: string, labels: readonly string[]) => {
  const texts = await Promise.all(registries.map(async (registry) => (await scrape(registry)).text))
  return texts.reduce((total, text) => total + sum(text, name, labels), 0)
}

/** Runs until `stop`, which rejects when a service failed. */
export const openPipeline = async (
  network: Sandbox,
  stack: AsyncDisposableStack,
  options: Options = {},
): Promise<Pipeline> => {
  const stores = await openStores(stack)
  const services = createServices(network, stores, options)
  const stopping = new AbortController()
  const running = runServices(
    services.map(({ service }) => service),
    stopping.signal,
  )
  const stop = () => {
    stopping.abort()
    return running
  }
  // Who asks whether it is alive is told why it is not; a failure there must not be hidden behind one of closing.
  stack.defer(() => stop().catch(() => {}))
  const alive = () => Promise.race([running, Promise.resolve()])
  const registries = services.map(({ registry }) => registry)
  return { ...stores, metric: (name, ...labels) => readMetric(registries, name, labels), alive, stop }
}
