/**
 * From events to a plan: pure, total, and the only place that decides what a batch means. Guarantees: one change per record
 * uri (the highest rev wins), one sync per repo, one account state per account; everything in a deterministic order. What
 * cannot be indexed is a drop with a reason of a closed set, never an exception.
 */
import { hash } from 'node:crypto'
import type { AccountEvent, RecordEvent, StreamEvent } from '../event/event.ts'
import { isNsid, isTid, normalizeDatetime } from '../atproto/syntax.ts'
import { recordUri, type Collection, type Put, type Row } from './collection.ts'
import { collectionByNsid, UNKNOWN } from './collections/index.ts'
import type { DropReason, InvalidReason } from './drop-reasons.ts'

/** A record's new version with everything its rows need. */
export type PlannedPut = Put & {
  readonly json: string
  readonly row: Row | null
  readonly satellites: readonly (readonly Row[])[]
}

/** The newest thing the batch says of one record uri. */
export type Change = {
  /** Key in `millrace.record_rev`, uuid text form. */
  readonly key: string
  readonly uri: string
  readonly did: string
  readonly collection: Collection
  readonly rev: bigint
  /** Time of the event. */
  readonly at: string
  /** Told as it happened, by the firehose; otherwise read from a repository, at a time that says nothing of the record. */
  readonly live: boolean
  /** null: deleted. */
  readonly put: PlannedPut | null
}

/** An event that says something nobody can index. */
export type Invalid = { readonly event: StreamEvent; readonly reason: InvalidReason }

/** `force`: the identity itself is said to have changed. */
export type IdentityHint = { readonly did: string; readonly time: string; readonly force: boolean }

export type Plan = {
  readonly changes: readonly Change[]
  /** What newer changes of the batch made void, of collections whose past is kept. */
  readonly overtaken: readonly Change[]
  /** Live puts that a backfill in the same batch made void: they may know when that version came (redate.ts). */
  readonly predating: readonly Change[]
  readonly syncs: ReadonlyMap<string, { readonly commit: string; readonly rev: string }>
  readonly accounts: ReadonlyMap<string, AccountEvent>
  readonly identities: ReadonlyMap<string, IdentityHint>
  readonly drops: ReadonlyMap<DropReason, number>
  /** The events among the drops that are at fault themselves. */
  readonly invalid: readonly Invalid[]
  /** Events made void by a newer one for the same uri in the same batch. */
  readonly superseded: number
  /** Events that the batch holds more than once. */
  readonly repeated: number
  /** Which event of the batch each change comes from. */
  readonly positions: ReadonlyMap<Change, number>
  /** By position, what an event came to within the batch; null: what is stored decides. */
  readonly fates: readonly Fate[]
}

/** What the batch alone says of an event. */
export type Fate = 'dropped' | 'stale' | 'repeated' | null

/** The key of a record in `millrace.record_rev`: half hash of the repo, so that a repo's records lie together, half of the path. */
export const recordKey = (did: string, path: string): string => {
  const hex = hash('sha256', did).slice(0, 16) + hash('sha256', path).slice(0, 16)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

/** The key of a record uri `at://did/collection/rkey`. */
export const recordKeyOfUri = (uri: string): string => {
  const slash = uri.indexOf('/', 5)
  return recordKey(uri.slice(5, slash), uri.slice(slash + 1))
}

const TID_DIGITS = '234567abcdefghijklmnopqrstuvwxyz'
const digits = (text: string): number => {
  let value = 0
  for (const char of text) value = value * 32 + TID_DIGITS.indexOf(char)
  return value
}

const MAX_REV = 2n ** 63n

/** A TID as the number it encodes; null when it is none, or has the sign bit, which no TID ever sets (spec: TID). */
export const revNumber = (rev: string): bigint | null => {
  if (!isTid(rev)) return null
  const number = BigInt(digits(rev.slice(0, 7))) * 0x4000_0000n + BigInt(digits(rev.slice(7)))
  return number < MAX_REV ? number : null
}

/** `indexUnknown`: records of collections that are not known are kept as they are. */
export type PlanOptions = { readonly indexUnknown?: boolean | undefined }

export const planEvents = (
  events: readonly StreamEvent[],
  { indexUnknown = false }: PlanOptions = {},
): Plan => {
  const batch = new Batch(events.length, indexUnknown)
  for (const [position, raw] of events.entries()) {
    const time = normalizeDatetime(raw.time)
    if (time === null) batch.drop(position, raw, 'invalid_time')
    else batch.add(position, { ...raw, time })
  }
  return batch.plan()
}

class Batch {
  readonly #changes = new Map<string, Change>()
  readonly #overtaken: Change[] = []
  readonly #predating: Change[] = []
  readonly #syncs = new Map<string, { commit: string; rev: string }>()
  readonly #accounts = new Map<string, AccountEvent>()
  readonly #accountPositions = new Map<string, number>()
  readonly #identities = new Map<string, IdentityHint>()
  readonly #drops = new Map<DropReason, number>()
  readonly #invalid: Invalid[] = []
  readonly #positions = new Map<Change, number>()
  readonly #fates: Fate[]
  readonly #indexUnknown: boolean
  #superseded = 0
  #repeated = 0

  constructor(size: number, indexUnknown: boolean) {
    this.#indexUnknown = indexUnknown
    this.#fates = Array.from<Fate>({ length: size }).fill(null)
  }

  drop(position: number, event: StreamEvent, reason: DropReason): void {
    if (reason !== 'unknown_collection') this.#invalid.push({ event, reason })
    this.#drops.set(reason, (this.#drops.get(reason) ?? 0) + 1)
    this.#fates[position] = 'dropped'
  }

  add(position: number, event: StreamEvent): void {
    noteIdentity(this.#identities, event)
    if (event.type === 'account') return this.#addAccount(position, event)
    if (event.type === 'identity') return
    if (revNumber(event.rev) === null) return this.drop(position, event, 'invalid_rev')
    noteSync(this.#syncs, event)
    if (event.type === 'repo') return
    const change = planRecord(event, this.#indexUnknown)
    if (typeof change === 'string') return this.drop(position, event, change)
    this.#addChange(position, change)
  }

  #addAccount(position: number, event: AccountEvent): void {
    const known = this.#accounts.get(event.did)
    if (known && !isNewer(event, known)) {
      this.#fates[position] = 'stale'
      return
    }
    const former = this.#accountPositions.get(event.did)
    if (former !== undefined) this.#fates[former] = 'stale'
    this.#accounts.set(event.did, event)
    this.#accountPositions.set(event.did, position)
  }

  #addChange(position: number, change: Change): void {
    this.#positions.set(change, position)
    const known = this.#changes.get(change.key)
    if (!known) {
      this.#changes.set(change.key, change)
      return
    }
    const isSame = known.rev === change.rev
    if (isSame) this.#repeated += 1
    else this.#superseded += 1
    const loser = change.rev >= known.rev ? known : change
    this.#fates[this.#positions.get(loser) ?? position] = isSame ? 'repeated' : 'stale'
    if (!isSame && loser.collection.past) this.#overtaken.push(loser)
    if (!isSame && loser.live && loser.put) this.#predating.push(loser)
    if (loser === known) this.#changes.set(change.key, change)
  }

  plan(): Plan {
    return {
      changes: [...this.#changes.values()].sort((a, b) => (a.key < b.key ? -1 : 1)),
      overtaken: this.#overtaken,
      predating: this.#predating.filter(({ key }) => this.#changes.get(key)?.live === false),
      syncs: this.#syncs,
      accounts: this.#accounts,
      identities: this.#identities,
      drops: this.#drops,
      invalid: this.#invalid,
      superseded: this.#superseded,
      repeated: this.#repeated,
      positions: this.#positions,
      fates: this.#fates,
    }
  }
}

export const isNewer = (a: { time: string; seq: number }, b: { time: string; seq: number }): boolean =>
  a.time === b.time ? a.seq > b.seq : a.time > b.time

const noteIdentity = (identities: Map<string, IdentityHint>, { did, type, time }: StreamEvent): void => {
  const force = type === 'identity'
  const known = identities.get(did)
  if (!known || (force && (!known.force || time > known.time))) identities.set(did, { did, time, force })
}

/** A live commit moves the repo's rev with every event; a backfill only with its closing `repo` event. */
const noteSync = (
  syncs: Map<string, { commit: string; rev: string }>,
  event: Exclude<StreamEvent, { type: 'account' | 'identity' }>,
): void => {
  if (event.type !== 'repo' && event.seq < 0) return
  const known = syncs.get(event.did)
  if (!known || event.rev > known.rev) syncs.set(event.did, { commit: event.commit, rev: event.rev })
}

/** What has not even the name of a collection is none, whatever is asked for. */
const collectionOf = (nsid: string, indexUnknown: boolean): Collection | undefined =>
  collectionByNsid.get(nsid) ?? (indexUnknown && isNsid(nsid) ? UNKNOWN : undefined)

const planRecord = (event: RecordEvent, indexUnknown: boolean): Change | DropReason => {
  const collection = collectionOf(event.collection, indexUnknown)
  if (!collection) return 'unknown_collection'
  const rev = revNumber(event.rev)
  if (rev === null) return 'invalid_rev'
  const uri = recordUri(event.did, event.collection, event.rkey)
  if (!isStorable(uri)) return 'unstorable_text'
  const put = event.type === 'delete' ? null : planShallow(event, collection, uri)
  if (typeof put === 'string') return put
  const key = recordKey(event.did, `${event.collection}/${event.rkey}`)
  return { key, uri, did: event.did, collection, rev, at: event.time, live: event.seq >= 0, put }
}

/** A record nested so deep that a walk through it exhausts the stack is none that anybody could show. */
const planShallow = (...args: Parameters<typeof planPut>): ReturnType<typeof planPut> => {
  try {
    return planPut(...args)
  } catch (error) {
    if (error instanceof RangeError) return 'too_deep'
    throw error
  }
}

const planPut = (
  { did, rkey, cid, record, time }: Exclude<RecordEvent, { type: 'delete' }>,
  collection: Collection,
  uri: string,
): PlannedPut | DropReason => {
  if (!collection.isValid(record)) return 'invalid_record'
  const put = { uri, did, rkey, cid, record, indexedAt: time }
  const row = collection.row?.(put) ?? null
  if (typeof row === 'string') return row
  const satellites = (collection.satellites ?? []).map((satellite) => satellite.rows(put))
  if (!isStorable(cid) || !rowsStorable(row ? [row] : []) || !satellites.every(rowsStorable))
    return 'unstorable_text'
  return { ...put, json: JSON.stringify(record), row, satellites }
}

/** PostgreSQL's text holds no U+0000, and UTF-8 no half of a surrogate pair. */
const isStorable = (text: string): boolean => !text.includes('\u0000') && text.isWellFormed()

const rowsStorable = (rows: readonly Row[]): boolean =>
  rows.every((row) => Object.entries(row).every(([column, value]) => isStorableCell(column, value)))

/** `langs` and `tags` are JSON, and PostgreSQL's jsonb takes the escape of such a character no better than text does. */
const isStorableCell = (column: string, value: Row[string]): boolean => {
  if (typeof value !== 'string') return true
  if (column !== 'langs' && column !== 'tags') return isStorable(value)
  return (JSON.parse(value) as readonly string[]).every(isStorable)
}
