/**
 * What the indexer's tests stand on: a migrated database of their own, events made by hand, and tables as values that can be
 * compared. Guarantees that everything opened is closed.
 */
import { hash } from 'node:crypto'
import { openPool, type Pool } from '../db/pool.ts'
import type { Json, JsonObject, StreamEvent } from '../event/event.ts'
import { silentLogger } from '../lib/logger.ts'
import { freshDatabase } from '../../test/harness/services.ts'
import { RecentDids } from './accounts.ts'
import { applyEvents, type ApplyOptions, type Outcome } from './apply.ts'

export type TestDatabase = AsyncDisposable & { readonly pool: Pool; readonly url: string }

export const openTestDatabase = async (max = 8): Promise<TestDatabase> => {
  const database = await freshDatabase({ migrated: true })
  const pool = await openPool({ url: database.url, max, logger: silentLogger })
  return {
    pool,
    url: database.url,
    [Symbol.asyncDispose]: async () => {
      await pool.close()
      await database[Symbol.asyncDispose]()
    },
  }
}

const DIGITS = '234567abcdefghijklmnopqrstuvwxyz'

/** The TID of a small number: greater numbers make later revs. */
export const revOf = (n: number): string => {
  let text = ''
  for (let rest = n; text.length < 8; rest = Math.floor(rest / 32)) text = (DIGITS[rest % 32] ?? '') + text
  return `3l4cj${text}`
}

/** The event time that belongs to `revOf(n)`: seconds after noon. */
export const timeOf = (n: number): string =>
  new Date(Date.parse('2025-06-01T12:00:00.000Z') + n * 1_000).toISOString()

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

/** A well-formed CID, different for every text. */
export const cidOf = (text: string): string => {
  const bytes = Buffer.concat([Buffer.from([1, 0x71, 0x12, 0x20]), hash('sha256', text, 'buffer')])
  let out = ''
  let bits = 0
  let value = 0
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0xfff
    bits += 8
    for (; bits >= 5; bits -= 5) out += BASE32[(value >>> (bits - 5)) & 31]
  }
  return `b${out}${bits > 0 ? BASE32[(value << (5 - bits)) & 31] : ''}`
}

/** A did:plc of a name: up to 24 letters. */
export const didOf = (name: string): string => `did:plc:${name.padEnd(24, 'a').slice(0, 24)}`

export const at = (did: string, collection: string, rkey: string): string =>
  `at://${did}/${nsidOf(collection)}/${rkey}`

const NSIDS: Readonly<Record<string, string>> = {
  post: 'app.bsky.feed.post',
  like: 'app.bsky.feed.like',
  repost: 'app.bsky.feed.repost',
  follow: 'app.bsky.graph.follow',
  block: 'app.bsky.graph.block',
  profile: 'app.bsky.actor.profile',
  list: 'app.bsky.graph.list',
  listitem: 'app.bsky.graph.listitem',
  listblock: 'app.bsky.graph.listblock',
  starterpack: 'app.bsky.graph.starterpack',
  generator: 'app.bsky.feed.generator',
  threadgate: 'app.bsky.feed.threadgate',
  postgate: 'app.bsky.feed.postgate',
  verification: 'app.bsky.graph.verification',
  labeler: 'app.bsky.labeler.service',
  optout: 'app.bsky.graph.referencelistoptout',
}

/** The NSID of a short name; a name with a dot is one already. */
export const nsidOf = (name: string): string => NSIDS[name] ?? name

export const ref = (uri: string): { uri: string; cid: string } => ({ uri, cid: cidOf(uri) })

/** Text that no compression makes short. */
export const noise = (length: number): string => {
  let seed = 7
  const next = () => (seed = (seed * 48_271) % 2_147_483_647)
  return Array.from({ length }, () => 'abcdefghijklmnopqrstuvwxyz'[next() % 26]).join('')
}
/** A reference that is valid, and more than an index of PostgreSQL can hold. */
export const TOO_LONG = at(
  `did:web:${noise(2_020)}.com`,
  `${noise(60)}.${noise(60)}.${noise(60)}.${noise(60)}`,
  noise(500),
)

type Path = readonly [did: string, collection: string, rkey: string]
type More = { readonly seq?: number; readonly time?: string; readonly rev?: string; readonly cid?: string }

const originOf = (n: number, [did, collection, rkey]: Path, more: More) => ({
  seq: more.seq ?? n,
  time: more.time ?? timeOf(n),
  did,
  commit: cidOf(`commit ${did} ${n}`),
  rev: more.rev ?? revOf(n),
  collection: nsidOf(collection),
  rkey,
})

/** A create at the moment `n`: its rev, its time, its seq. */
export const create = (n: number, path: Path, record: object, more: More = {}): StreamEvent => {
  const value = { $type: nsidOf(path[1]), ...record } as JsonObject
  const cid = more.cid ?? cidOf(JSON.stringify([path, value]))
  return { type: 'create', ...originOf(n, path, more), cid, record: value }
}

export const update = (n: number, path: Path, record: object, more: More = {}): StreamEvent =>
  ({
    ...create(n, path, record, more),
    type: 'update',
  }) as StreamEvent

export const remove = (n: number, path: Path, more: More = {}): StreamEvent => ({
  type: 'delete',
  ...originOf(n, path, more),
})

export const account = (n: number, did: string, active: boolean, status: string | null): StreamEvent => ({
  type: 'account',
  seq: n,
  time: timeOf(n),
  did,
  active,
  status,
})

export const identity = (n: number, did: string): StreamEvent => ({
  type: 'identity',
  seq: n,
  time: timeOf(n),
  did,
})

/** The same entry as a backfill brings it. */
export const backfilled = (event: StreamEvent, n: number): StreamEvent =>
  ({ ...event, seq: -1, time: timeOf(n), rev: revOf(n) }) as StreamEvent

export const apply = (
  pool: Pool,
  events: readonly StreamEvent[],
  more: Partial<ApplyOptions> = {},
): Promise<Outcome> =>
  applyEvents(
    { pool, recent: new RecentDids({ max: 1_000, ttlMs: 60_000 }), resolveIdentities: false, ...more },
    events,
  )

export type TableRow = Readonly<Record<string, unknown>>

const parsed = (row: TableRow): TableRow => {
  const { id: _id, ...rest } = row
  return typeof rest['json'] === 'string' ? { ...rest, json: JSON.parse(rest['json']) as Json } : rest
}

/** The rows of a table in a fixed order, without serial numbers; `where` is a condition on columns by name. */
export const rowsOf = async (
  pool: Pool,
  table: string,
  where: Record<string, string> = {},
): Promise<TableRow[]> => {
  const conditions = Object.keys(where).map((column, index) => `"${column}" = $${index + 1}`)
  const name = table.includes('.') ? table : `${pool.schema}."${table}"`
  const text = `select * from ${name}${conditions.length > 0 ? ` where ${conditions.join(' and ')}` : ''}`
  const { rows } = await pool.query<TableRow>({ text, values: Object.values(where) })
  const byText = (a: TableRow, b: TableRow) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
  return rows.map(parsed).sort(byText)
}

/** Waits for a condition, looking often; fails in words when it does not come. */
export const until = async (what: string, holds: () => boolean | Promise<boolean>): Promise<void> => {
  const deadline = Date.now() + 30_000
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
