/**
 * What this process may take, told at its start: connections, and bytes of what it holds. Computed from settings and the services'
 * own bounds. Entries and repos are counted as encoded; decoded they take several times that, so it is no bound of resident memory.
 */
import { backfillerBounds } from '../backfiller/bounds.ts'
import { ASIDE_CONNECTIONS } from '../db/aside.ts'
import { readConnectionsLimit } from '../db/facts.ts'
import type { Pool } from '../db/pool.ts'
import { indexerBounds } from '../indexer/bounds.ts'
import { ingesterBounds } from '../ingester/bounds.ts'
import type { ServiceName } from '../monitoring/status.ts'
import { COMMAND_CONNECTIONS } from '../stream/redis/one-server.ts'
import type { Settings } from './config/settings.ts'

export type Budget = {
  /** 0 without an indexer. */
  readonly postgresConnections: number
  /** What the server gives to all its clients; null where it is not asked. */
  readonly postgresConnectionsLimit: number | null
  /** 0 on the embedded log; in a Redis Cluster one more per further master. */
  readonly redisConnections: number
  readonly bytes: Readonly<Record<string, number>>
  readonly totalBytes: number
}

type Bounds = { readonly redisReaders: number; readonly bytes: Readonly<Record<string, number>> }

const BOUNDS: Readonly<Record<ServiceName, (settings: Settings) => Bounds>> = {
  ingester: ({ ingesterMode: mode, relayHosts, labelerHosts, maxFrameBytes }) =>
    ingesterBounds({ mode, relayHosts, labelerHosts, maxFrameBytes }),
  backfiller: ({ backfillerConcurrency: concurrency, backfillerMemoryBytes: memoryBytes }) =>
    backfillerBounds({ concurrency, memoryBytes }),
  indexer: ({ indexerMode: mode, indexerStreams: streams }) => indexerBounds({ mode, streams }),
}

const total = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0)

export const budgetOf = (settings: Settings, names: readonly ServiceName[], limit: number | null): Budget => {
  const bounds = names.map((name) => BOUNDS[name](settings))
  const bytes = Object.assign({}, ...bounds.map((bound) => bound.bytes)) as Record<string, number>
  const readers = total(bounds.map(({ redisReaders }) => redisReaders))
  return {
    postgresConnections: names.includes('indexer') ? settings.databasePoolSize + ASIDE_CONNECTIONS : 0,
    postgresConnectionsLimit: limit,
    redisConnections: settings.redisUrl === null ? 0 : COMMAND_CONNECTIONS + readers,
    bytes,
    totalBytes: total(Object.values(bytes)),
  }
}

export const readBudget = async (
  settings: Settings,
  names: readonly ServiceName[],
  pool: Pool | null,
): Promise<Budget> => budgetOf(settings, names, pool && (await readConnectionsLimit(pool)))
