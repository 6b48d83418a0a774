/**
 * Events to stream entries and back. Writes rsky's dialect (spec: contract 1.1): one field (`event`, `repo` or `labels`) holding
 * JSON with rsky's keys in rsky's order. Reads that dialect and its TypeScript ancestor's: seq -2 for a backfill, `repo` events
 * without seq, capitalised account status, one label per entry in field `event`, label times as `2025-01-02 03:04:05 UTC`.
 * Decoding is total: an entry of ours that cannot be read is a value `{ poison }`, for the dead letters.
 */
import {
  SEQ_BACKFILL,
  type BackfillEvent,
  type JsonObject,
  type Label,
  type LabelEvent,
  type StreamEvent,
} from './event.ts'

/** Same shape as the log's fields, declared here because the event room knows no stream. */
export type EntryFields = Readonly<Record<string, string>>

export type PoisonReason = 'missing_field' | 'bad_json' | 'unknown_type' | 'invalid_event'
export type Poison = { readonly poison: PoisonReason }
export const POISON_REASONS: readonly PoisonReason[] = [
  'missing_field',
  'bad_json',
  'unknown_type',
  'invalid_event',
]

export const encodeEvent = (event: StreamEvent): EntryFields => ({ event: JSON.stringify(ordered(event)) })

/** The keys of each type in the order rsky serializes them. */
const ordered = (event: StreamEvent): object => {
  const { type, seq, time, did } = event
  switch (type) {
    case 'create':
    case 'update': {
      const { commit, rev, collection, rkey, cid, record } = event
      return { type, seq, time, did, commit, rev, collection, rkey, cid, record }
    }
    case 'delete':
      return {
        type,
        seq,
        time,
        did,
        commit: event.commit,
        rev: event.rev,
        collection: event.collection,
        rkey: event.rkey,
      }
    case 'repo':
      return { type, seq, time, did, commit: event.commit, rev: event.rev }
    case 'account':
      return { type, seq, time, did, active: event.active, status: event.status }
    case 'identity':
      return { type, seq, time, did, handle: event.handle }
  }
}

export const encodeBackfill = ({ did, host, rev, status, active }: BackfillEvent): EntryFields => ({
  repo: JSON.stringify({ did, host, rev, status, active }),
})

export const encodeLabels = ({ seq, labels }: LabelEvent): EntryFields => ({
  labels: JSON.stringify({
    seq,
    labels: labels.map(({ src, uri, cid, val, neg, cts, exp }) => ({
      src,
      uri,
      cid,
      val,
      neg,
      cts,
      ...(exp !== null && { exp }),
    })),
  }),
})

export const decodeEvent = (fields: EntryFields): StreamEvent | Poison => {
  const body = parseField(fields, 'event')
  if ('poison' in body) return body
  const { value } = body
  const seq = typeof value['seq'] === 'number' && value['seq'] >= 0 ? value['seq'] : SEQ_BACKFILL
  if (!isText(value['did']) || !isText(value['time'])) return INVALID
  const origin = { seq, time: value['time'], did: value['did'] }
  switch (value['type']) {
    case 'create':
    case 'update':
      return decodePut(value['type'], origin, value)
    case 'delete': {
      const path = recordPath(value)
      return path === null ? INVALID : { type: 'delete', ...origin, ...path }
    }
    case 'repo':
      if (!isText(value['commit']) || !isText(value['rev'])) return INVALID
      return { type: 'repo', ...origin, commit: value['commit'], rev: value['rev'] }
    case 'account': {
      if (typeof value['active'] !== 'boolean') return INVALID
      const status = isText(value['status']) ? value['status'].toLowerCase() : null
      return { type: 'account', ...origin, active: value['active'], status }
    }
    case 'identity':
      return { type: 'identity', ...origin, ...(isText(value['handle']) && { handle: value['handle'] }) }
    default:
      return { poison: 'unknown_type' }
  }
}

const INVALID: Poison = { poison: 'invalid_event' }

type Origin = { seq: number; time: string; did: string }

const decodePut = (type: 'create' | 'update', origin: Origin, value: JsonObject): StreamEvent | Poison => {
  const path = recordPath(value)
  const { cid, record } = value
  if (path === null || !isText(cid) || !isObject(record)) return INVALID
  return { type, ...origin, ...path, cid, record }
}

const recordPath = ({ commit, rev, collection, rkey }: JsonObject) =>
  isText(commit) && isText(rev) && isText(collection) && isText(rkey)
    ? { commit, rev, collection, rkey }
    : null

export const decodeBackfill = (fields: EntryFields): BackfillEvent | Poison => {
  const body = parseField(fields, 'repo')
  if ('poison' in body) return body
  const { did, host, rev, status, active } = body.value
  if (!isText(did)) return INVALID
  return {
    did,
    host: isText(host) ? host : '',
    rev: isText(rev) ? rev : '',
    status: isText(status) ? status : null,
    active: active !== false,
  }
}

export const decodeLabels = (fields: EntryFields): LabelEvent | Poison => {
  if (fields['labels'] === undefined && fields['event'] !== undefined) return decodeSingleLabel(fields)
  const body = parseField(fields, 'labels')
  if ('poison' in body) return body
  const { seq, labels } = body.value
  if (!Array.isArray(labels)) return INVALID
  return labelEvent(seq, labels as readonly unknown[])
}

const decodeSingleLabel = (fields: EntryFields): LabelEvent | Poison => {
  const body = parseField(fields, 'event')
  if ('poison' in body) return body
  const { type, seq, label } = body.value
  if (type !== 'label') return { poison: 'unknown_type' }
  return labelEvent(seq, [label])
}

const labelEvent = (seq: unknown, raw: readonly unknown[]): LabelEvent | Poison => {
  const labels: Label[] = []
  for (const item of raw) {
    const label = decodeLabel(item)
    if (label === null) return INVALID
    labels.push(label)
  }
  return { seq: typeof seq === 'number' ? seq : SEQ_BACKFILL, labels }
}

const decodeLabel = (value: unknown): Label | null => {
  if (!isObject(value)) return null
  const { src, uri, cid, val, neg, cts, exp } = value
  if (!isText(src) || !isText(uri) || !isText(val) || !isText(cts)) return null
  return {
    src,
    uri,
    cid: isText(cid) ? cid : null,
    val,
    neg: neg === true,
    cts: rfc3339(cts),
    exp: isText(exp) ? rfc3339(exp) : null,
  }
}

/** chrono's `2025-01-02 03:04:05.678 UTC` to `2025-01-02T03:04:05.678Z`; anything else unchanged. */
const rfc3339 = (text: string): string =>
  text.replace(/^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?) UTC$/, '$1T$2Z')

const parseField = (fields: EntryFields, name: string): { value: JsonObject } | Poison => {
  const text = fields[name]
  if (text === undefined) return { poison: 'missing_field' }
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) ? { value } : INVALID
  } catch {
    return { poison: 'bad_json' }
  }
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
