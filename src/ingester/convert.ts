/**
 * RepoMessage to StreamEvents. Pure and total: any message gives a conversion, never an exception. Owns which operations we
 * keep and why one is dropped; refuses to know streams, sockets and cursors.
 *
 * Law: `received` = events + dropped operations, plus 1 for a bare message, so that nothing vanishes uncounted.
 */
import { BytesWrapper, CidLinkWrapper, decode } from '@atcute/cbor'
import { selectBlocks, type BlockMap } from '../atproto/car.ts'
import type {
  AccountMessage,
  CommitMessage,
  IdentityMessage,
  RepoMessage,
  RepoOp,
} from '../atproto/message.ts'
import { matchesCollection, normalizeDatetime, parseRecordPath } from '../atproto/syntax.ts'
import type { JsonObject, RecordEvent, StreamEvent } from '../event/event.ts'
import { Tally, type OperationCounts } from './namespace.ts'

/**
 * `filtered`: a collection nobody asked for. `invalid_path`: not `<nsid>/<record key>`. `missing_cid`: a create or update that
 * names no record. `missing_block`: the record is not in the frame. `bad_blocks`: the frame's CAR is damaged or a block does not
 * hash to its CID. `invalid_record`: not a DAG-CBOR map, or nested too deeply.
 */
export const OPERATION_DROPS = [
  'filtered',
  'invalid_path',
  'missing_cid',
  'missing_block',
  'bad_blocks',
  'invalid_record',
] as const
export type OperationDrop = (typeof OPERATION_DROPS)[number]

/** Why a repo must be fetched anew: the upstream says so (`sync`, `too_big`), or what it sent cannot be read in full. */
export const RESYNC_CAUSES = ['sync', 'too_big', 'incomplete'] as const
export type ResyncCause = (typeof RESYNC_CAUSES)[number]

export type Resync = { readonly did: string; readonly rev: string; readonly cause: ResyncCause }

export type Conversion = {
  readonly events: readonly StreamEvent[]
  readonly dropped: Readonly<Partial<Record<OperationDrop, number>>>
  readonly resync: Resync | null
  /** A commit without operations or a sync: it only asks for a resync, or says nothing. */
  readonly bare: boolean
  /** What became of the operations, by namespace. */
  readonly operations: OperationCounts
  /** Operations of a commit (1 when it has none), 1 for any other message of the sequence: what came before filtering. */
  readonly received: number
  /** The time of the events, milliseconds since 1970. */
  readonly timeMs: number
  /** The message's own time could not be used and the time of receipt stands in for it. */
  readonly timeReplaced: boolean
}

export type ConvertOptions = {
  /** Filters as `matchesCollection` reads them: `app.bsky.*`, an exact NSID, or `*`. */
  readonly collections: readonly string[]
  /** When the frame came, milliseconds since 1970. */
  readonly receivedAtMs: number
}

export const DEFAULT_COLLECTIONS: readonly string[] = ['app.bsky.*', 'chat.bsky.*']

/** A message that claims to come from later than this is not believed: rows are sorted by this time. */
const MAX_CLOCK_AHEAD_MS = 5 * 60_000

/** Beyond it `JSON.stringify` and whoever reads the entry run out of stack. */
const MAX_RECORD_DEPTH = 500

export type SequencedMessage = Exclude<RepoMessage, { readonly type: 'info' }>

export const convertMessage = (message: SequencedMessage, options: ConvertOptions): Conversion => {
  const { time, ...facts } = eventTime(message.time, options.receivedAtMs)
  switch (message.type) {
    case 'commit':
      return { ...convertCommit(message, time, options.collections), ...facts }
    case 'sync':
      return {
        ...NOTHING,
        bare: true,
        resync: { did: message.did, rev: message.rev, cause: 'sync' },
        ...facts,
      }
    case 'identity':
    case 'account':
      return { ...NOTHING, events: [convertActor(message, time)], ...facts }
  }
}

const NOTHING = {
  events: [],
  dropped: {},
  resync: null,
  bare: false,
  operations: [],
  received: 1,
} as const

type EventTime = { readonly time: string; readonly timeMs: number; readonly timeReplaced: boolean }

/** The event's own time as `YYYY-MM-DDTHH:MM:SS.mmmZ`; the time of receipt when it is unreadable or lies ahead of our clock. */
const eventTime = (text: string, receivedAtMs: number): EventTime => {
  const time = normalizeDatetime(text)
  const timeMs = time === null ? Infinity : Date.parse(time)
  return time !== null && timeMs <= receivedAtMs + MAX_CLOCK_AHEAD_MS
    ? { time, timeMs, timeReplaced: false }
    : { time: new Date(receivedAtMs).toISOString(), timeMs: receivedAtMs, timeReplaced: true }
}

const convertActor = (message: IdentityMessage | AccountMessage, time: string): StreamEvent => {
  const { seq, did } = message
  if (message.type === 'account') {
    return { type: 'account', seq, time, did, active: message.active, status: message.status }
  }
  const { handle } = message
  return { type: 'identity', seq, time, did, ...(handle !== undefined && { handle }) }
}

type Path = { readonly collection: string; readonly rkey: string }
type KeptOp = { readonly op: RepoOp; readonly path: Path }
type Drops = Partial<Record<OperationDrop, number>>

const convertCommit = (
  message: CommitMessage,
  time: string,
  collections: readonly string[],
): Omit<Conversion, 'timeMs' | 'timeReplaced'> => {
  const dropped: Drops = {}
  const tally = new Tally()
  const kept = message.ops.flatMap((op) => keepOp(op, collections, { dropped, tally }))
  const blocks = readBlocks(message.blocks, kept)
  const origin = { seq: message.seq, time, did: message.repo, commit: message.commit, rev: message.rev }
  const events: RecordEvent[] = []
  for (const { op, path } of kept) {
    const event = convertOp(op, { ...origin, ...path }, blocks)
    if (typeof event === 'string') count(dropped, event)
    else events.push(event)
    tally.count(op.path, typeof event === 'string' ? 'dropped' : 'kept')
  }
  const resync = resyncOf(message, dropped)
  const bare = message.ops.length === 0
  return { events, dropped, resync, bare, operations: tally.counts, received: receivedOf(message) }
}

type Uncounted = { readonly dropped: Drops; readonly tally: Tally }

const keepOp = (op: RepoOp, collections: readonly string[], { dropped, tally }: Uncounted): KeptOp[] => {
  const path = parseRecordPath(op.path)
  if (path !== null && collections.some((filter) => matchesCollection(filter, path.collection))) {
    return [{ op, path }]
  }
  count(dropped, path === null ? 'invalid_path' : 'filtered')
  tally.count(op.path, path === null ? 'dropped' : 'filtered')
  return []
}

const count = (drops: Drops, reason: OperationDrop): void => {
  drops[reason] = (drops[reason] ?? 0) + 1
}

/** Only the blocks of kept records are hashed; null when the CAR is damaged, which costs no delete. */
const readBlocks = (car: Uint8Array, kept: readonly KeptOp[]): BlockMap | null => {
  const wanted = new Set<string>()
  for (const { op } of kept) if (op.action !== 'delete' && op.cid !== null) wanted.add(op.cid)
  if (wanted.size === 0 || car.length === 0) return new Map()
  try {
    return selectBlocks(car, wanted)
  } catch {
    return null
  }
}

type CommitOrigin = Path & {
  readonly seq: number
  readonly time: string
  readonly did: string
  readonly commit: string
  readonly rev: string
}

/** The keys are written in the order of the wire (spec: contract 1.1). */
const convertOp = (
  op: RepoOp,
  origin: CommitOrigin,
  blocks: BlockMap | null,
): RecordEvent | OperationDrop => {
  if (op.action === 'delete') return { type: 'delete', ...origin }
  if (op.cid === null) return 'missing_cid'
  if (blocks === null) return 'bad_blocks'
  const block = blocks.get(op.cid)
  if (block === undefined) return 'missing_block'
  const record = decodeRecord(block)
  return record === null ? 'invalid_record' : { type: op.action, ...origin, cid: op.cid, record }
}

/** DAG-CBOR to a value whose JSON is atproto's: links and byte strings are told by type, never guessed. */
const decodeRecord = (block: Uint8Array): JsonObject | null => {
  try {
    const value: unknown = decode(block)
    // A level takes at least one byte, so only a large block can be too deep.
    const shallow = block.length <= MAX_RECORD_DEPTH || isShallow(value, MAX_RECORD_DEPTH)
    return shallow && isMap(value) ? value : null
  } catch {
    return null
  }
}

const isShallow = (value: unknown, levels: number): boolean => {
  if (typeof value !== 'object' || value === null) return true
  if (levels === 0) return false
  return Object.values(value).every((item) => isShallow(item, levels - 1))
}

const isMap = (value: unknown): value is JsonObject =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof CidLinkWrapper) &&
  !(value instanceof BytesWrapper)

/** A record that can be had from the repo but not from the frame would be lost without a fetch; one that is invalid, not. */
const resyncOf = (message: CommitMessage, dropped: Drops): Resync | null => {
  const { repo: did, rev } = message
  if (message.tooBig) return { did, rev, cause: 'too_big' }
  const unread = dropped.missing_block ?? dropped.bad_blocks ?? dropped.missing_cid
  return unread === undefined ? null : { did, rev, cause: 'incomplete' }
}

export const receivedOf = (message: SequencedMessage): number =>
  message.type === 'commit' ? Math.max(1, message.ops.length) : 1
