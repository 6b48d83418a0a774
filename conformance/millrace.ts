/**
 * Millrace beside the reference: the three services over an embedded log and a database of their own, pointed at the reference's
 * PDS, directory and labeler. Composed as the command line does.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createResolver } from '../src/atproto/identity.ts'
import { createBackfiller } from '../src/backfiller/index.ts'
import { migrate } from '../src/db/migrate.ts'
import { openPool, type Pool } from '../src/db/pool.ts'
import {
  cursorKey,
  FIREHOSE_BACKFILL,
  FIREHOSE_LIVE,
  LABEL_LIVE,
  REPO_BACKFILL,
} from '../src/event/streams.ts'
import { createIndexer } from '../src/indexer/index.ts'
import { createLookup } from '../src/indexer/lookup.ts'
import { createIngester } from '../src/ingester/index.ts'
import { createLogger, silentLogger, type Logger } from '../src/lib/logger.ts'
import { runServices, type Service } from '../src/lib/service.ts'
import { openEmbeddedLog } from '../src/stream/embedded/index.ts'
import type { Log } from '../src/stream/log.ts'
import { COLLECTIONS, type Hosts } from './network.ts'
import type { Tap } from './tap.ts'
import { until } from './until.ts'

export type Millrace = {
  readonly pool: Pool
  readonly databaseUrl: string
  /** Everything that the tap has heard is in the tables, and no account waits to be looked up. */
  readonly settled: (tap: Tap) => Promise<void>
}

export type MillraceOptions = {
  readonly hosts: Hosts
  readonly databaseUrl: string
  readonly verbose: boolean
  readonly stack: AsyncDisposableStack
}

const STREAMS = [FIREHOSE_LIVE, FIREHOSE_BACKFILL, LABEL_LIVE, REPO_BACKFILL]
const LOOKUP_TIMEOUT_MS = 10_000

type Parts = MillraceOptions & { readonly log: Log; readonly pool: Pool; readonly logger: Logger }

const makeServices = ({ hosts, log, pool, logger }: Parts): Service[] => {
  const common = { log, logger, version: 'conformance' }
  const { plc, pds, labeler } = hosts
  const resolver = createResolver({
    plcUrl: plc,
    handleResolverUrl: pds,
    timeoutMs: LOOKUP_TIMEOUT_MS,
    allowHttp: true,
  })
  const upstream = { relayHosts: [pds], labelerHosts: [labeler], collections: COLLECTIONS }
  const tuning = { batchTimeoutMs: 10, idleSaveMs: 10, idleTimeoutMs: 3_600_000 }
  return [
    createIngester({ ...common, ...upstream, ...tuning, mode: 'firehose' }).service,
    createIngester({ ...common, ...upstream, ...tuning, mode: 'labeler' }).service,
    createBackfiller({
      ...common,
      consumer: 'backfiller',
      plcUrl: plc,
      allowHttp: true,
      collections: COLLECTIONS,
    }).service,
    createIndexer({
      ...common,
      pool,
      mode: 'all',
      group: 'firehose_group',
      consumer: 'indexer',
      batchSize: 500,
      lookup: createLookup(resolver, LOOKUP_TIMEOUT_MS),
    }).service,
  ]
}

const identitiesWait = async (pool: Pool): Promise<boolean> => {
  const { rows } = await pool.query({ text: 'select 1 from millrace.identity_work limit 1' })
  return rows.length > 0
}

/** Runs until the stack is disposed of. */
export const startMillrace = async (options: MillraceOptions): Promise<Millrace> => {
  const { hosts, databaseUrl, stack } = options
  const logger = options.verbose ? createLogger({ level: 'debug', format: 'pretty' }) : silentLogger
  const pool = await openPool({ url: databaseUrl, max: 8, logger })
  stack.defer(() => pool.close())
  await migrate(pool)
  const dataDir = await mkdtemp(join(tmpdir(), 'millrace-conformance-'))
  stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  const log = stack.use(await openEmbeddedLog({ dataDir }))
  const stop = new AbortController()
  const running = runServices(makeServices({ ...options, log, pool, logger }), stop.signal)
  stack.defer(async () => {
    stop.abort()
    await running
  })
  const stands = async (stream: string, host: string, seq: number) =>
    seq === 0 || (await log.checkpoint(cursorKey(stream, host))) === String(seq)
  const empty = async (stream: string) => (await log.streamStats(stream)).length === 0
  const isSettled = async (tap: Tap) =>
    (await stands(FIREHOSE_LIVE, hosts.pds, tap.seq())) &&
    (await stands(LABEL_LIVE, hosts.labeler, tap.labelSeq())) &&
    (await Promise.all(STREAMS.map(empty))).every(Boolean) &&
    !(await identitiesWait(pool))
  return {
    pool,
    databaseUrl,
    settled: (tap) => Promise.race([until(() => isSettled(tap)), running]),
  }
}
