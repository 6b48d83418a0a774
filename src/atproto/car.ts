/**
 * CAR files (v1): a header with root CIDs, then blocks, each a varint length, a CID and its bytes. Guarantees: every block
 * handed out hashes to its CID; limits hold before memory is spent; any input at all gives blocks or a `CarError`.
 * Refuses to know what the blocks mean.
 */
import { CidLinkWrapper, decode } from '@atcute/cbor'
import { CID_BYTES, cidTextAt, isCidAt, matchesCidAt, parseCid } from './cid.ts'

export type CarErrorReason = 'truncated' | 'bad_header' | 'bad_cid' | 'cid_mismatch' | 'too_large'

export class CarError extends Error {
  override readonly name = 'CarError'
  readonly reason: CarErrorReason

  constructor(reason: CarErrorReason, message: string, cause?: unknown) {
    super(message, { cause })
    this.reason = reason
  }
}

/** Blocks by the text of their CID. */
export type BlockMap = ReadonlyMap<string, Uint8Array>

export type Car = { readonly roots: readonly string[]; readonly blocks: BlockMap }

export type CarLimits = { readonly maxBlocks?: number; readonly maxBytes?: number }

/** Reads a whole CAR. Blocks are views into `bytes`. */
export const readCar = (bytes: Uint8Array, limits: CarLimits = {}): Car => {
  const blocks = new Map<string, Uint8Array>()
  const roots = scanCar(bytes, limits, (cidAt, end) => {
    blocks.set(cidTextAt(bytes, cidAt), bytes.subarray(cidAt + CID_BYTES, end))
  })
  return { roots, blocks }
}

/**
 * Calls `visit` for every section, verified: its CID is at `cidAt`, its block between there and `end`. Returns the roots.
 */
export const scanCar = (
  bytes: Uint8Array,
  { maxBlocks = Infinity, maxBytes = Infinity }: CarLimits,
  visit: (cidAt: number, end: number) => void,
): readonly string[] => {
  if (bytes.length > maxBytes) throw new CarError('too_large', `${bytes.length} bytes, limit ${maxBytes}`)
  const { roots, end: start } = readHeader(bytes)
  let count = 0
  eachSection(bytes, start, (cidAt, end) => {
    if (++count > maxBlocks) throw new CarError('too_large', `more than ${maxBlocks} blocks`)
    verifySection(bytes, cidAt, end)
    visit(cidAt, end)
  })
  return roots
}

/**
 * The blocks named in `wanted`, and only those: the others are neither hashed nor decoded. What is not in the CAR is not in
 * the result.
 */
export const selectBlocks = (bytes: Uint8Array, wanted: ReadonlySet<string>): BlockMap => {
  const blocks = new Map<string, Uint8Array>()
  if (wanted.size === 0) return blocks
  const index = indexByDigest(wanted)
  // The header's length is enough: which root it names does not matter to who knows what he wants.
  const header = readLength(bytes, 0)
  const start = header.end + header.value
  if (start > bytes.length) throw new CarError('truncated', 'the header is cut off')
  eachSection(bytes, start, (cidAt, blockEnd) => {
    const found = index.get(digestStart(bytes, cidAt))?.find(({ cid }) => isSameCid(cid, bytes, cidAt))
    if (found === undefined) return
    verifySection(bytes, cidAt, blockEnd)
    blocks.set(found.text, bytes.subarray(cidAt + CID_BYTES, blockEnd))
  })
  return blocks
}

type Wanted = { readonly text: string; readonly cid: Uint8Array }

/** By four bytes of the digest: no text or string is made for the many blocks that nobody wants. */
const indexByDigest = (texts: ReadonlySet<string>): ReadonlyMap<number, readonly Wanted[]> => {
  const index = new Map<number, Wanted[]>()
  for (const text of texts) {
    const cid = parseCid(text)
    if (cid === null) continue
    const start = digestStart(cid, 0)
    index.set(start, [...(index.get(start) ?? []), { text, cid }])
  }
  return index
}

const digestStart = (bytes: Uint8Array, cidAt: number): number =>
  ((bytes[cidAt + 4] ?? 0) << 24) |
  ((bytes[cidAt + 5] ?? 0) << 16) |
  ((bytes[cidAt + 6] ?? 0) << 8) |
  (bytes[cidAt + 7] ?? 0)

const isSameCid = (cid: Uint8Array, bytes: Uint8Array, cidAt: number): boolean => {
  for (let i = 0; i < CID_BYTES; i++) if (cid[i] !== bytes[cidAt + i]) return false
  return true
}

/** Throws CarError unless the section [cidAt, end) is a CID of ours and a block that hashes to it. */
export const verifySection = (bytes: Uint8Array, cidAt: number, end: number): void => {
  if (!matchesCidAt(bytes, cidAt, bytes.subarray(cidAt + CID_BYTES, end))) {
    throw new CarError('cid_mismatch', `a block does not hash to ${cidTextAt(bytes, cidAt)}`)
  }
}

const eachSection = (
  bytes: Uint8Array,
  start: number,
  visit: (cidAt: number, blockEnd: number) => void,
): void => {
  let at = start
  while (at < bytes.length) {
    const { value: length, end: cidAt } = readLength(bytes, at)
    const blockEnd = cidAt + length
    if (blockEnd > bytes.length) throw new CarError('truncated', 'the last block is cut off')
    if (length < CID_BYTES || !isCidAt(bytes, cidAt))
      throw new CarError('bad_cid', 'a block without a CID of ours')
    visit(cidAt, blockEnd)
    at = blockEnd
  }
}

const readHeader = (bytes: Uint8Array): { roots: readonly string[]; end: number } => {
  const { value: length, end: start } = readLength(bytes, 0)
  const end = start + length
  if (end > bytes.length) throw new CarError('truncated', 'the header is cut off')
  return { roots: decodeHeader(bytes.subarray(start, end)), end }
}

export const decodeHeader = (bytes: Uint8Array): readonly string[] => {
  let header: unknown
  try {
    header = decode(bytes)
  } catch (error) {
    throw new CarError('bad_header', 'the header is not DAG-CBOR', error)
  }
  const { version, roots } = (header ?? {}) as Readonly<Record<string, unknown>>
  if (version !== 1 || !Array.isArray(roots)) throw new CarError('bad_header', 'not a CAR of version 1')
  return (roots as readonly unknown[]).map((root) => {
    if (!(root instanceof CidLinkWrapper)) throw new CarError('bad_header', 'a root is not a link')
    return cidTextAt(root.bytes, 0)
  })
}

/** The protocol allows records of 1 MB: a longer section is no repo's, and it must be whole in memory to be verified. */
const MAX_SECTION_BYTES = 4 * 1024 * 1024

/** The length of a section, an unsigned LEB128 of at most five bytes; null when it is cut off. */
export const readVarint = (bytes: Uint8Array, start: number): { value: number; end: number } | null => {
  let value = 0
  let scale = 1
  for (let at = start; at < start + 5; at++) {
    const byte = bytes[at]
    if (byte === undefined) return null
    value += (byte & 0x7f) * scale
    if (byte < 0x80) return { value: withinLimit(value), end: at + 1 }
    scale *= 128
  }
  throw new CarError('bad_header', 'a length of more than five bytes')
}

const withinLimit = (length: number): number => {
  if (length > MAX_SECTION_BYTES) throw new CarError('too_large', `a section of ${length} bytes`)
  return length
}

const readLength = (bytes: Uint8Array, start: number): { value: number; end: number } => {
  const length = readVarint(bytes, start)
  if (length === null) throw new CarError('truncated', 'a length is cut off')
  return length
}

export const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
