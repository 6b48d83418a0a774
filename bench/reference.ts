/**
 * The reference's own indexing service, from the package that `npm run conformance` installs, on a database that its own migrations
 * made: a transaction per record, statement by statement, the events of an account one after the other and those of
 * several at once, as its subscription drives it. Looking handles up is left out on both sides: all accounts have theirs.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Pool } from '../src/db/pool.ts'
import type { StreamEvent } from '../src/event/event.ts'

const MODULES = join(import.meta.dirname, '../conformance/node_modules/@atproto')

/** What is used of it, as its own types say. */
type Indexing = {
  indexRecord(uri: unknown, cid: unknown, record: unknown, action: string, at: string): Promise<void>
  deleteRecord(uri: unknown): Promise<void>
  setCommitLastSeen(did: string, cid: unknown, rev: string): Promise<void>
  indexHandle(did: string, at: string): Promise<void>
}
type Background = { processAll(): Promise<void> }
type Database = { migrateToLatestOrThrow(): Promise<void>; close(): Promise<void> }
type Modules = {
  readonly Database: new (options: { url: string; schema: string; poolSize: number }) => Database
  readonly BackgroundQueue: new (db: Database, options: { concurrency: number }) => Background
  readonly IndexingService: new (db: Database, resolver: null, background: Background) => Indexing
  readonly AtUri: new (uri: string) => unknown
  readonly parseCid: (cid: string) => unknown
  readonly jsonToLex: (json: unknown) => unknown
}

export const hasReference = (): boolean =>
  existsSync(join(MODULES, 'bsky/dist/data-plane/server/indexing/index.js'))

const load = async (): Promise<Modules> => {
  const files = [
    'bsky/dist/data-plane/server/db/db.js',
    'bsky/dist/data-plane/server/background.js',
    'bsky/dist/data-plane/server/indexing/index.js',
    'syntax/dist/index.js',
    'lex/dist/index.js',
  ]
  const loaded = await Promise.all(
    files.map((file) => import(pathToFileURL(join(MODULES, file)).href) as Promise<object>),
  )
  return Object.assign({}, ...loaded) as Modules
}

/** Its own default. */
const POOL_SIZE = 10
const SCHEMA = 'reference'

/** Resolves with events per second. */
export const indexByReference = async (
  pool: Pool,
  url: string,
  events: readonly StreamEvent[],
): Promise<number> => {
  const { Database, BackgroundQueue, IndexingService, AtUri, parseCid, jsonToLex } = await load()
  const db = new Database({ url, schema: SCHEMA, poolSize: POOL_SIZE })
  await db.migrateToLatestOrThrow()
  const dids = [...new Set(events.map(({ did }) => did))]
  await pool.query({
    text: `insert into ${SCHEMA}.actor (did, handle, "indexedAt") select d, md5(d) || '.test', $2 from unnest($1::text[]) d`,
    values: [dids, new Date(Date.now() + 3_600_000).toISOString()],
  })
  const background = new BackgroundQueue(db, { concurrency: Number.POSITIVE_INFINITY })
  const service = new IndexingService(db, null, background)
  const one = async (event: StreamEvent): Promise<void> => {
    if (!('collection' in event)) return
    const uri = new AtUri(`at://${event.did}/${event.collection}/${event.rkey}`)
    const at = new Date(event.time).toISOString()
    const indexed =
      event.type === 'delete'
        ? service.deleteRecord(uri)
        : service.indexRecord(uri, parseCid(event.cid), jsonToLex(event.record), event.type, at)
    const commit = service.setCommitLastSeen(event.did, parseCid(event.commit), event.rev)
    await Promise.all([indexed, commit, service.indexHandle(event.did, at)])
  }
  const byAccount = Map.groupBy(events, ({ did }) => did)
  const startedMs = performance.now()
  await Promise.all(
    [...byAccount.values()].map(async (own) => {
      for (const event of own) await one(event)
    }),
  )
  await background.processAll()
  const seconds = (performance.now() - startedMs) / 1_000
  await db.close()
  return events.length / seconds
}
