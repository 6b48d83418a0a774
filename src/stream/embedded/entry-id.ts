/**
 * Entry ids of the embedded log: `<ms>-<n>` outside, one ordered integer inside (`ms * 1024 + n`), which is the primary key
 * of the entry's row. The integer stays exact in a double until the year 2248. When one millisecond needs more than 1,024
 * ids the next millisecond is borrowed, so ids always grow.
 */

const PER_MILLISECOND = 1024

export const firstKeyAt = (ms: number): number => ms * PER_MILLISECOND

export const millisOf = (key: number): number => Math.floor(key / PER_MILLISECOND)

export const formatId = (key: number): string => `${millisOf(key)}-${key % PER_MILLISECOND}`

/** null for a text that cannot be the id of one of our entries. */
export const parseId = (text: string): number | null => {
  const match = /^(\d{1,15})-(\d{1,4})$/.exec(text)
  if (match === null) return null
  const [ms, n] = [Number(match[1]), Number(match[2])]
  const key = ms * PER_MILLISECOND + n
  return n < PER_MILLISECOND && Number.isSafeInteger(key) ? key : null
}

/** The position after which to list. Ids of other stores (`<ms>`, large `<n>`) are positions too. */
export const parsePosition = (text: string | undefined): number => {
  if (text === undefined) return 0
  const [ms = '', n = '0'] = text.split('-')
  return Number(ms) * PER_MILLISECOND + Math.min(Number(n), PER_MILLISECOND - 1)
}
