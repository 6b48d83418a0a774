/** Times as the AppView reads them: text, `YYYY-MM-DDTHH:MM:SS.mmmZ`, compared as text. */
import { normalizeDatetime } from '../atproto/syntax.ts'

const EPOCH = '1970-01-01T00:00:00.000Z'

/** Any datetime a record may carry, normalised; the epoch when it means nothing. Never fails a record for its date. */
export const datetimeOrEpoch = (text: string): string => normalizeDatetime(text) ?? EPOCH

export const earlier = (a: string, b: string): string => (a < b ? a : b)
