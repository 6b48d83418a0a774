/**
 * The reference: the real test network of `@atproto/dev-env`, and the real AppView on a database of our choice. Owns the little
 * that is used of those packages and what its types are; they are imported at run time, so that this project is checked
 * without them.
 */
import { inspect } from 'node:util'
import { freePort } from '../src/db/embedded.ts'
import { CannotRun } from './install.ts'
import type { Headers } from './xrpc.ts'

/** What a Millrace beside the network is pointed at. */
export type Hosts = { readonly plc: string; readonly pds: string; readonly labeler: string }

/** The default filter and one of another app that the reference keeps. */
export const COLLECTIONS = ['app.bsky.*', 'chat.bsky.*', 'com.germnetwork.*']

export const REFERENCE_SCHEMA = 'appview_reference'

type Opaque = { readonly opaque?: never }
type AppViewContext = {
  readonly cfg: { readonly cfg: Readonly<Record<string, unknown>> }
  readonly signingKey: Opaque
  readonly idResolver: Opaque
}
type AppView = {
  readonly ctx: AppViewContext
  start(): Promise<unknown>
  destroy(): Promise<void>
}
type DataPlane = { readonly idResolver: Opaque; destroy(): Promise<void> }
type Subject = Readonly<Record<string, unknown>>

export type Network = {
  readonly plc: { readonly url: string }
  readonly pds: {
    readonly url: string
    readonly ctx: { readonly sequencer: { curr(): Promise<number | null> } }
    adminAuthHeaders(): Headers
  }
  readonly ozone: {
    readonly url: string
    readonly ctx: { readonly cfg: { readonly service: { readonly did: string } } }
    getModClient(): { emitEvent(input: Subject, role?: string): Promise<unknown> }
  }
  readonly bsky: {
    readonly url: string
    readonly ctx: AppViewContext
    readonly sub: { processAll(): Promise<void> }
  }
  readonly feedGens: readonly { readonly did: string }[]
  createFeedGen(
    feeds: Readonly<Record<string, (...args: never) => unknown>>,
  ): Promise<{ readonly did: string }>
  /** Resolves when the indexer has come to the end of the firehose. */
  processFullSubscription(timeoutMs: number): Promise<void>
  /** And everybody else with what they do on the side; takes a second. */
  processAll(timeoutMs?: number): Promise<void>
  serviceHeaders(did: string, nsid: string): Promise<Headers>
  close(): Promise<void>
}

type DevEnv = {
  readonly TestNetwork: {
    create(options: { dbPostgresUrl: string; dbPostgresSchema: string }): Promise<Network>
  }
  readonly mockResolvers: (resolver: Opaque, pds: Network['pds']) => void
}
type Bsky = {
  readonly Database: new (options: { url: string; schema: string; poolSize: number }) => {
    migrateToLatestOrThrow(): Promise<readonly { readonly migrationName: string }[]>
    close(): Promise<void>
  }
  readonly DataPlaneServer: {
    create(db: Opaque, port: number, plcUrl: string, fetch: typeof globalThis.fetch): Promise<DataPlane>
  }
  readonly ServerConfig: new (values: Readonly<Record<string, unknown>>) => Opaque
  readonly BskyAppView: { create(options: { config: Opaque; signingKey: Opaque }): AppView }
}

const load = async <T>(name: string): Promise<T> => (await import(name)) as T
const devEnv = (): Promise<DevEnv> => load('@atproto/dev-env')
const bsky = (): Promise<Bsky> => load('@atproto/bsky')

export const hostsOf = ({ plc, pds, ozone }: Network): Hosts => ({
  plc: plc.url,
  pds: pds.url,
  labeler: ozone.url,
})

const PATIENT_MS = 30_000

/**
 * What an AppView may leave out of an answer when it is slow to come by (known followers, known likers: 100 ms), it must not leave
 * out here: on a busy machine either side would, now and then.
 */
const bePatient = (): void => {
  const timeout = AbortSignal.timeout.bind(AbortSignal)
  AbortSignal.timeout = (ms) => timeout(Math.max(ms, PATIENT_MS))
}

/** Its AppView's tables are in schema `REFERENCE_SCHEMA` of the database. */
export const startNetwork = async (databaseUrl: string): Promise<Network> => {
  // Asked for, and spoken to by nothing that is started here.
  process.env['REDIS_HOST'] ??= '127.0.0.1:6379'
  bePatient()
  try {
    const { TestNetwork } = await devEnv()
    return await TestNetwork.create({ dbPostgresUrl: databaseUrl, dbPostgresSchema: 'reference' })
  } catch (error) {
    throw new CannotRun(`the test network does not start\n${inspect(error)}`, { cause: error })
  }
}

const PATIENCE_MS = 60_000

/** Everything on the firehose is indexed, aggregates included. */
export const indexed = async (network: Network): Promise<void> => {
  await network.processFullSubscription(PATIENCE_MS)
  await network.bsky.sub.processAll()
}

/**
 * The AppView and its data-plane as the network runs them, without an indexer, on other tables: its own migrations run first,
 * and must find nothing to do.
 */
export const startAppViewOn = async (
  network: Network,
  database: { readonly url: string; readonly schema: string },
  stack: AsyncDisposableStack,
): Promise<string> => {
  const { Database, DataPlaneServer, ServerConfig, BskyAppView } = await bsky()
  const { mockResolvers } = await devEnv()
  const db = new Database({ ...database, poolSize: 10 })
  stack.defer(() => db.close())
  const missing = await db.migrateToLatestOrThrow()
  if (missing.length > 0)
    throw new Error(`ours lacks migrations: ${missing.map(({ migrationName }) => migrationName).join(', ')}`)
  const dataPlanePort = await freePort()
  const dataPlane = await DataPlaneServer.create(db as Opaque, dataPlanePort, network.plc.url, fetch)
  stack.defer(() => dataPlane.destroy())
  const port = await freePort()
  const { cfg, signingKey } = network.bsky.ctx
  const config = new ServerConfig({ ...cfg.cfg, port, dataplaneUrls: [`http://localhost:${dataPlanePort}`] })
  const server = BskyAppView.create({ config, signingKey })
  mockResolvers(server.ctx.idResolver, network.pds)
  mockResolvers(dataPlane.idResolver, network.pds)
  await server.start()
  stack.defer(() => server.destroy())
  return `http://localhost:${port}`
}
