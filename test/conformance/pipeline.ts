/**
 * The whole pipeline beside captured data: a sandbox that serves it, the three services over an embedded log, a database of its
 * own. Composed as `src/cli/wire.ts` does; what a test wants to run when is its own business.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createResolver } from '../../src/atproto/identity.ts'
import { createBackfiller } from '../../src/backfiller/index.ts'
import { openPool, type Pool } from '../../src/db/pool.ts'
import { createIndexer } from '../../src/indexer/index.ts'
import { createLookup } from '../../src/indexer/lookup.ts'
import { createIngester } from '../../src/ingester/index.ts'
import type { IngesterMode } from '../../src/ingester/options.ts'
import { silentLogger } from '../../src/lib/logger.ts'
import { runServices, type Service } from '../../src/lib/service.ts'
import { startSandbox, type Sandbox } from '../../src/sandbox/index.ts'
import { openEmbeddedLog } from '../../src/stream/embedded/index.ts'
import type { Log } from '../../src/stream/log.ts'
import { freshDatabase } from '../harness/services.ts'
import { identitiesSettled } from './replay.ts'
import { until } from './until.ts'

export type Pipeline = {
  readonly log: Log
  readonly pool: Pool
  readonly sandbox: Sandbox
  readonly ingester: (mode: IngesterMode) => Service
  readonly backfiller: () => Service
  readonly indexer: (options: { batchSize: number }) => Service
  /** Runs services until the scene is over; a second call adds to those of the first. */
  readonly start: (...services: readonly Service[]) => void
  /** Resolves when these streams are empty, everything of them is acknowledged, and no account waits to be looked up. */
  readonly drained: (...streams: readonly string[]) => Promise<void>
}

export type Scene = {
  /** Captured data, as the sandbox reads it. */
  readonly serveDir: string
  readonly collections: readonly string[]
  /** The keys of the captured accounts are not known. */
  readonly skipSignatureVerification?: boolean
  /** Keep records of collections that are not known. */
  readonly indexUnknown?: boolean
  /** The embedded one when absent. */
  readonly log?: Log
}

const common = { logger: silentLogger, version: 'test' }
const first = (urls: readonly string[]): string => urls[0] ?? ''

const makers = (scene: Scene, log: Log, pool: Pool, sandbox: Sandbox) => {
  const { collections, skipSignatureVerification = false, indexUnknown = false } = scene
  const resolver = createResolver({
    plcUrl: sandbox.plcUrl,
    handleResolverUrl: first(sandbox.pdsUrls),
    timeoutMs: 5_000,
    allowHttp: true,
  })
  return {
    ingester: (mode: IngesterMode) =>
      createIngester({
        ...common,
        log,
        mode,
        relayHosts: sandbox.relayUrls,
        labelerHosts: sandbox.labelerUrls,
        collections,
      }).service,
    backfiller: () =>
      createBackfiller({
        ...common,
        log,
        consumer: 'backfiller',
        plcUrl: sandbox.plcUrl,
        allowHttp: true,
        collections,
        skipSignatureVerification,
      }).service,
    indexer: ({ batchSize }: { batchSize: number }) =>
      createIndexer({
        ...common,
        log,
        pool,
        mode: 'all',
        group: 'firehose_group',
        consumer: 'indexer',
        batchSize,
        indexUnknown,
        lookup: createLookup(resolver, 5_000),
      }).service,
  }
}

const openStores = async (scene: Scene, stack: AsyncDisposableStack) => {
  const sandbox = await startSandbox({ accounts: 0, serveDir: scene.serveDir })
  stack.defer(() => sandbox.close())
  const database = stack.use(await freshDatabase({ migrated: true }))
  const pool = await openPool({ url: database.url, max: 8, logger: silentLogger })
  stack.defer(() => pool.close())
  if (scene.log) return { sandbox, pool, log: scene.log }
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-conformance-'))
  stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  return { sandbox, pool, log: stack.use(await openEmbeddedLog({ dataDir })) }
}

/** Runs `work` beside the scene; the services it started are stopped, and everything is closed, when it ends. */
export const withPipeline = async <T>(scene: Scene, work: (pipeline: Pipeline) => Promise<T>): Promise<T> => {
  await using stack = new AsyncDisposableStack()
  const { sandbox, pool, log } = await openStores(scene, stack)
  const stop = new AbortController()
  const failed = Promise.withResolvers<never>()
  const running: Promise<void>[] = []
  stack.defer(async () => {
    stop.abort()
    await Promise.allSettled(running)
  })
  const start = (...services: readonly Service[]) => {
    const run = runServices(services, stop.signal)
    run.catch(failed.reject)
    running.push(run)
  }
  const drained = async (...streams: readonly string[]) => {
    await until(async () => {
      const stats = await Promise.all(streams.map((stream) => log.streamStats(stream)))
      return stats.every(({ length }) => length === 0)
    })
    await identitiesSettled(pool)
  }
  failed.promise.catch(() => undefined)
  return await Promise.race([
    work({ log, pool, sandbox, ...makers(scene, log, pool, sandbox), start, drained }),
    failed.promise,
  ])
}
