/**
 * A small reader of stream entries by rsky's rules (spec: contract 1.1), written apart from our codec: types told by the tag
 * `type`, every field required in its type, keys in the order of serialisation. It throws where rsky's reader would fail.
 */
import assert from 'node:assert/strict'

export type RawFields = Readonly<Record<string, string>>
type Shape = Readonly<Record<string, (value: unknown) => boolean>>

const isText = (value: unknown): boolean => typeof value === 'string'
const isOptionalText = (value: unknown): boolean => value === null || typeof value === 'string'
const isBool = (value: unknown): boolean => typeof value === 'boolean'
const isInt = (value: unknown): boolean => Number.isSafeInteger(value)
const isObject = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
/** RFC 3339 with any fraction, `Z` or an offset. */
const isTime = (value: unknown): boolean =>
  typeof value === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(value)

const ORIGIN: Shape = { type: isText, seq: isInt, time: isTime, did: isText }
const COMMIT: Shape = { commit: isText, rev: isText }
const PATH: Shape = { collection: isText, rkey: isText }
const EVENTS: Readonly<Record<string, Shape>> = {
  create: { ...ORIGIN, ...COMMIT, ...PATH, cid: isText, record: isObject },
  update: { ...ORIGIN, ...COMMIT, ...PATH, cid: isText, record: isObject },
  delete: { ...ORIGIN, ...COMMIT, ...PATH },
  repo: { ...ORIGIN, ...COMMIT },
  account: { ...ORIGIN, active: isBool, status: isOptionalText },
  identity: { ...ORIGIN, handle: isText },
}
const BACKFILL: Shape = { did: isText, host: isText, rev: isText, status: isOptionalText, active: isBool }
const LABELS: Shape = { seq: isInt, labels: Array.isArray }
const LABEL: Shape = {
  src: isText,
  uri: isText,
  cid: isOptionalText,
  val: isText,
  neg: (value) => value === null || isBool(value),
  cts: isTime,
}

type Read = Readonly<Record<string, unknown>>

/** `optional` fields may be missing; further fields at the end are ignored, as serde does. */
const check = (value: unknown, shape: Shape, optional: readonly string[] = []): Read => {
  assert.ok(isObject(value), 'not an object')
  const read = value as Read
  const expected = Object.keys(shape).filter((key) => key in read || !optional.includes(key))
  assert.deepEqual(Object.keys(read).slice(0, expected.length), expected, 'keys or their order')
  for (const key of expected) assert.ok(shape[key]?.(read[key]), `${key} is ${JSON.stringify(read[key])}`)
  return read
}

const only = (fields: RawFields, name: string): unknown => {
  assert.deepEqual(Object.keys(fields), [name])
  return JSON.parse(fields[name] ?? '')
}

/** `firehose_live` and `firehose_backfill`. */
export const readEvent = (fields: RawFields): Read => {
  const value = only(fields, 'event') as Read
  const shape = EVENTS[value['type'] as string]
  assert.ok(shape, `unknown type ${String(value['type'])}`)
  // Links are `{"$link"}`, bytes `{"$bytes"}`: never the wrappers of a decoder.
  assert.ok(!JSON.stringify(value).includes('"bytes":{"0"'))
  return check(value, shape, ['handle'])
}

/** `repo_backfill`. */
export const readRepo = (fields: RawFields): Read => check(only(fields, 'repo'), BACKFILL)

/** `label_live`. */
export const readLabels = (fields: RawFields): readonly Read[] => {
  const { labels } = check(only(fields, 'labels'), LABELS)
  return (labels as unknown[]).map((label) => check(label, LABEL))
}

/** A status as rsky compares it. */
export const statusOf = (event: Read): string | null =>
  typeof event['status'] === 'string' ? event['status'].toLowerCase() : null
