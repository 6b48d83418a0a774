/** A record block as a value. Guarantees that what it returns can be written as JSON; refuses to know any lexicon. */
import { BytesWrapper, CidLinkWrapper, decode } from '@atcute/cbor'

/** A DAG-CBOR map; links are CidLink wrappers and byte strings Bytes wrappers, whose `toJSON` gives atproto JSON. */
export type RecordValue = Readonly<Record<string, unknown>>

/** JSON.stringify and most JSON readers recurse: a hostile record nests as deep as it is long. */
const MAX_DEPTH = 100

/** Null when the block is not a strict DAG-CBOR map, or nests deeper than `MAX_DEPTH`: to be counted as a drop. */
export const decodeRecord = (block: Uint8Array): RecordValue | null => {
  try {
    const value: unknown = decode(block)
    if (!isMap(value)) return null
    // Each level takes at least a byte, so a short block needs no look.
    return block.length <= MAX_DEPTH || isShallow(value, MAX_DEPTH) ? value : null
  } catch {
    return null
  }
}

const isMap = (value: unknown): value is RecordValue =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !(value instanceof CidLinkWrapper) &&
  !(value instanceof BytesWrapper)

const isShallow = (value: unknown, levels: number): boolean => {
  if (typeof value !== 'object' || value === null) return true
  if (levels === 0) return false
  for (const item of Array.isArray(value) ? (value as unknown[]) : Object.values(value)) {
    if (typeof item === 'object' && item !== null && !isShallow(item, levels - 1)) return false
  }
  return true
}
