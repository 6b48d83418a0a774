/**
 * The identifier grammars of the protocol (spec: atproto.com/specs, sections did, handle, nsid, record-key, tid, at-uri-scheme,
 * datetime in the lexicon spec). Owns what a well-formed identifier is; refuses to know whether anything by that name exists.
 */

const DID = /^did:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]$/
const HANDLE = /^([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?$/
const NSID =
  /^[a-zA-Z]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)+\.[a-zA-Z][a-zA-Z0-9]{0,62}$/
const RECORD_KEY = /^[a-zA-Z0-9_~.:-]{1,512}$/
const TID = /^[2-7a-j][2-7a-z]{12}$/
const DATETIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/
const TIMEZONE = /([+-]\d\d:?\d\d|[a-zA-Z])$/

const TID_ALPHABET = '234567abcdefghijklmnopqrstuvwxyz'

export const isDid = (text: string): boolean => text.length <= 2048 && DID.test(text)

export const isHandle = (text: string): boolean => text.length <= 253 && HANDLE.test(text)

export const isNsid = (text: string): boolean => text.length <= 317 && NSID.test(text)

export const isRecordKey = (text: string): boolean => RECORD_KEY.test(text) && text !== '.' && text !== '..'

export const isTid = (text: string): boolean => text.length === 13 && TID.test(text)

export type AtUri = {
  /** DID or handle. */
  readonly authority: string
  readonly collection: string | null
  readonly rkey: string | null
}

/** Parses the restricted form that records use: no query, no fragment, no trailing slash. Null when malformed. */
export const parseAtUri = (text: string): AtUri | null => {
  if (text.length > 8192 || !text.startsWith('at://')) return null
  const [authority = '', collection, rkey, ...rest] = text.slice(5).split('/')
  if (rest.length > 0) return null
  if (!isDid(authority) && !isHandle(authority)) return null
  if (collection !== undefined && !isNsid(collection)) return null
  if (rkey !== undefined && !isRecordKey(rkey)) return null
  return { authority, collection: collection ?? null, rkey: rkey ?? null }
}

/** `<collection>/<rkey>` as commits and MST keys write it; null unless it is exactly two well-formed segments. */
export const parseRecordPath = (path: string): { collection: string; rkey: string } | null => {
  const slash = path.indexOf('/')
  if (slash < 0) return null
  const collection = path.slice(0, slash)
  const rkey = path.slice(slash + 1)
  return isNsid(collection) && isRecordKey(rkey) ? { collection, rkey } : null
}

/** Microseconds since 1970 that a well-formed TID carries (53 bits, exact in a number); null when malformed. */
export const tidToMicros = (tid: string): number | null => {
  if (!isTid(tid)) return null
  let micros = 0
  // The last two of the thirteen characters are the clock identifier.
  for (let i = 0; i < 11; i++) micros = micros * 32 + TID_ALPHABET.indexOf(tid.charAt(i))
  return micros
}

/**
 * Whether `nsid` is selected by `filter`: an exact NSID, a namespace with everything below it (`app.bsky.*`), or `*`. A
 * namespace ends at a dot: `app.bsky.*` does not select `app.bskyish.thing`.
 */
export const matchesCollection = (filter: string, nsid: string): boolean => {
  if (filter === '*') return true
  if (!filter.endsWith('.*')) return filter === nsid
  return nsid.startsWith(filter.slice(0, -1))
}

/** In the normal form already, on a day that every month has: as nearly all are, and nothing needs to be worked out. */
const NORMAL = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/

/** Strict lexicon datetime: full date, time and timezone, and a moment that exists. */
export const isDatetime = (text: string): boolean => {
  if (NORMAL.test(text)) return true
  if (text.length > 64 || !DATETIME.test(text) || text.endsWith('-00:00')) return false
  return isoText(new Date(text)) !== null
}

/**
 * `YYYY-MM-DDTHH:MM:SS.mmmZ`, or null when no moment between the years 0000 and 9999 can be read. As the reference does,
 * it is lenient: what lacks a timezone is UTC, and what `Date` understands counts.
 */
export const normalizeDatetime = (text: string): string | null => {
  if (NORMAL.test(text)) return text
  if (isDatetime(text)) return isoText(new Date(text))
  const assumedUtc = TIMEZONE.test(text) ? null : isoText(new Date(`${text}Z`))
  return assumedUtc ?? isoText(new Date(text))
}

const isoText = (date: Date): string | null => {
  if (Number.isNaN(date.getTime())) return null
  const text = date.toISOString()
  return text.length === 24 ? text : null
}
