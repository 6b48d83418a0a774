/**
 * The composition root: from settings to running services. Opens what they need, serves what they tell, closes everything in
 * reverse order. Decides nothing that a setting or a service decides.
 */
import { migrate, verify } from '../db/migrate.ts'
import type { Pool } from '../db/pool.ts'
import { EXIT, SetupError } from '../lib/errors.ts'
import { runServices, type Service } from '../lib/service.ts'
import { serveMonitoring } from '../monitoring/http.ts'
import type { ServiceName, StatusSource } from '../monitoring/status.ts'
import type { Log } from '../stream/log.ts'
import { readBudget } from './budget.ts'
import type { Context } from './context.ts'
import { flagOf } from './config/setting.ts'
import type { Settings } from './config/settings.ts'
import { makeBackfiller, makeIndexer, makeIngester, type Needs, type Part } from './parts.ts'
import { openDatabase, openLog } from './stores.ts'

/** Creates the tables when the setting says so; otherwise refuses a database that has not what our statements count on. */
const prepareDatabase = async (pool: Pool, settings: Settings): Promise<void> => {
  if (settings.migrateAtStart) {
    await migrate(pool)
    return
  }
  const differences = await verify(pool)
  if (differences.length === 0) return
  throw new SetupError(`the database is not ready: ${differences.slice(0, 3).join('; ')}`, {
    remedy: 'run `millrace migrate` with the same --database-url, or start with --migrate-at-start',
    exitCode: EXIT.badData,
  })
}

type PortSetting = 'ingesterMetricsPort' | 'backfillerMetricsPort' | 'indexerMetricsPort'
const PORTS: Readonly<Record<ServiceName, PortSetting>> = {
  ingester: 'ingesterMetricsPort',
  backfiller: 'backfillerMetricsPort',
  indexer: 'indexerMetricsPort',
}

export type Pipeline = {
  readonly log: Log
  /** Null without an indexer. */
  readonly pool: Pool | null
  readonly endpoints: readonly { readonly service: ServiceName; readonly url: string }[]
  /** Resolves when every service has stopped and drained. */
  readonly run: () => Promise<void>
}

type Wiring = Pick<Context, 'settings' | 'logger' | 'version' | 'signal'> & {
  readonly stack: AsyncDisposableStack
}

/** Resolves with the process, rejects when something the services stand on has gone for good. */
const watchdog = (gone: Promise<string>): Service => ({
  name: 'PostgreSQL',
  run: (signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) return resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
      void gone.then((detail) => reject(new Error(detail)))
    }),
})

const openParts = async (wiring: Wiring, names: readonly ServiceName[]) => {
  const { settings, logger, version, stack } = wiring
  const log = await openLog({ settings, logger, stack })
  const death = Promise.withResolvers<string>()
  const pool = names.includes('indexer')
    ? await openDatabase({ settings, logger, stack }, death.resolve)
    : null
  if (pool !== null) await prepareDatabase(pool, settings)
  const needs: Needs = { settings, logger, version, log }
  const makers: Readonly<Record<ServiceName, () => Part>> = {
    ingester: () => makeIngester(needs),
    backfiller: () => makeBackfiller(needs),
    indexer: () => makeIndexer(needs, pool as Pool),
  }
  const parts = names.map((name) => ({ name, ...makers[name]() }))
  return { log, pool, parts, watch: watchdog(death.promise) }
}

const serve = async (
  { settings, logger, signal, stack }: Wiring,
  part: Part & { name: ServiceName },
  sources: readonly StatusSource[],
) => {
  const key = PORTS[part.name]
  const server = await serveMonitoring({
    port: settings[key],
    host: settings.monitoringHost,
    registry: part.registry,
    source: part.status,
    sources,
    portSetting: `--${flagOf(key)}`,
    stopping: signal,
    logger,
  })
  stack.defer(() => server.close())
  const host = ['0.0.0.0', '::'].includes(settings.monitoringHost) ? 'localhost' : settings.monitoringHost
  return { service: part.name, url: `http://${host}:${server.port}` }
}

/** Everything opened is on the stack, so that a start that fails half-way closes what it had opened. */
export const openPipeline = async (wiring: Wiring, names: readonly ServiceName[]): Promise<Pipeline> => {
  const { log, pool, parts, watch } = await openParts(wiring, names)
  wiring.logger.info(await readBudget(wiring.settings, names, pool), 'budget: connections and bytes, at most')
  const sources = parts.map(({ status }) => status)
  const endpoints = []
  for (const part of parts) endpoints.push(await serve(wiring, part, sources))
  for (const { service, url } of endpoints)
    wiring.logger.info({ service, url }, 'metrics, health and console')
  return {
    log,
    pool,
    endpoints,
    run: () => runServices([...parts.map(({ service }) => service), watch], wiring.signal),
  }
}
