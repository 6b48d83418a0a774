/** Times as the AppView reads them: text, `YYYY-MM-DDTHH:MM:SS.mmmZ`, compared as text. */
import { normalizeDatetime } from '../atproto/syntax.ts'

const EPOCH = '1970-01-01T00:00:00.000Z'

/** Any datetime a record may carry, normalised; the epoch when it means nothing. Never fails a record for its date. */
export const datetimeOrEpoch = (text: string): string => normalizeDatetime(text) ?? EPOCH

export const earlier = (a: string, b: string): string => (a < b ? a : b)

/** Far more than the network takes from a keyboard to us: a record that is older came by a backfill. */
const LIVE_WITHIN_MS = 5 * 60_000

/**
 * When a record took effect, for the question which of two came first: the time of its event when it came live, otherwise what
 * the record says of itself.
 */
export const moment = ({ createdAt, indexedAt }: { createdAt: string; indexedAt: string }): string =>
  Date.parse(indexedAt) - Date.parse(createdAt) > LIVE_WITHIN_MS ? createdAt : indexedAt
