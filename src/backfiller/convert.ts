/**
 * From the verified records of one repo to stream entries, in chunks. Pure. Owns the shape of a backfilled event (`create`,
 * seq -1, commit and rev of the snapshot, the time of the fetch) and the bounds of a chunk. What cannot be an event is counted
 * by reason in the chunk where it was met; nothing throws.
 */
import { encodeEvent, type EntryFields } from '../event/codec.ts'
import { SEQ_BACKFILL, type AccountEvent, type JsonObject, type RepoEvent } from '../event/event.ts'
import type { InactiveStatus } from './classify.ts'

/** What a repo was when it was fetched. `commit`: CID text. `time`: RFC 3339 with milliseconds. */
export type Snapshot = {
  readonly did: string
  readonly commit: string
  readonly rev: string
  readonly time: string
}

export type SnapshotRecord = {
  readonly collection: string
  readonly rkey: string
  readonly cid: string
  /** As decoded from DAG-CBOR; its `toJSON`s give the atproto JSON form. */
  readonly value: unknown
}

export const CHUNK_DROPS = ['invalid_record', 'oversize_record'] as const
export type ChunkDrop = (typeof CHUNK_DROPS)[number]
/** Keys are judged while the tree is read, before there is a record. */
export const RECORD_DROPS = ['invalid_path', ...CHUNK_DROPS] as const

export type ChunkLimits = {
  readonly maxEntries: number
  /** Of encoded entries; one entry larger than this is a chunk by itself. */
  readonly maxBytes: number
  /** A larger encoded record is dropped. */
  readonly maxRecordBytes: number
}

export type Chunk = {
  readonly entries: readonly EntryFields[]
  readonly bytes: number
  readonly dropped: Readonly<Record<ChunkDrop, number>>
}

/** The last chunk may hold drops only. */
export function* chunksOf(
  snapshot: Snapshot,
  records: Iterable<SnapshotRecord>,
  limits: ChunkLimits,
): Generator<Chunk> {
  let entries: EntryFields[] = []
  let bytes = 0
  let dropped = noDrops()
  for (const record of records) {
    const entry = entryOf(snapshot, record, limits.maxRecordBytes)
    if ('drop' in entry) {
      dropped[entry.drop]++
      continue
    }
    if (entries.length === limits.maxEntries || (bytes > 0 && bytes + entry.bytes > limits.maxBytes)) {
      yield { entries, bytes, dropped }
      entries = []
      bytes = 0
      dropped = noDrops()
    }
    entries.push(entry.fields)
    bytes += entry.bytes
  }
  if (entries.length > 0 || Object.values(dropped).some((count) => count > 0)) {
    yield { entries, bytes, dropped }
  }
}

const noDrops = (): Record<ChunkDrop, number> => ({ invalid_record: 0, oversize_record: 0 })

const entryOf = (
  snapshot: Snapshot,
  { collection, rkey, cid, value }: SnapshotRecord,
  maxRecordBytes: number,
): { fields: EntryFields; bytes: number } | { drop: ChunkDrop } => {
  if (!isRecord(value)) return { drop: 'invalid_record' }
  const { did, commit, rev, time } = snapshot
  const event = { type: 'create', seq: SEQ_BACKFILL, time, did, commit, rev, collection, rkey, cid } as const
  try {
    const fields = encodeEvent({ ...event, record: value })
    const bytes = Buffer.byteLength(fields['event'] ?? '')
    return bytes > maxRecordBytes ? { drop: 'oversize_record' } : { fields, bytes }
  } catch {
    // A value without a JSON form: nested beyond the stack, or a number that JSON does not have.
    return { drop: 'invalid_record' }
  }
}

const isRecord = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** "Known up to this rev": the last event of a snapshot, and the only one of its kind. */
export const repoEventOf = ({ did, commit, rev, time }: Snapshot): RepoEvent => ({
  type: 'repo',
  seq: SEQ_BACKFILL,
  time,
  did,
  commit,
  rev,
})

/** A PDS says that the account is not active: the indexer must know, no commit will ever tell it. */
export const accountEventOf = (did: string, status: InactiveStatus, time: string): AccountEvent => ({
  type: 'account',
  seq: SEQ_BACKFILL,
  time,
  did,
  active: false,
  status,
})
