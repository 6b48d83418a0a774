/**
 * Content identifiers, in the one form the protocol uses: CIDv1, sha-256, codec dag-cbor or raw; 36 bytes, or 59 characters
 * of lower-case base32. Owns their text and the check that bytes hash to them. Everything else is refused as malformed.
 */
import { hash } from 'node:crypto'

export const CID_BYTES = 36
const CID_TEXT = 59
const RAW = 0x55
const DAG_CBOR = 0x71
const SHA_256 = 0x12
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

const ALPHABET = Buffer.from(BASE32, 'latin1')
const VALUE = new Int8Array(256).fill(-1)
for (let i = 0; i < 32; i++) VALUE[ALPHABET[i] ?? 0] = i

const scratch = Buffer.alloc(64)
scratch[0] = 0x62

/** Whether the 36 bytes at `offset` are a CID as above. */
export const isCidAt = (bytes: Uint8Array, offset: number): boolean =>
  bytes.length - offset >= CID_BYTES &&
  bytes[offset] === 1 &&
  (bytes[offset + 1] === DAG_CBOR || bytes[offset + 1] === RAW) &&
  bytes[offset + 2] === SHA_256 &&
  bytes[offset + 3] === 32

/** The text form of the CID at `offset`, which must be well-formed (`isCidAt`). */
export const cidTextAt = (bytes: Uint8Array, offset: number): string => {
  let out = 1
  let buffered = 0
  let bits = 0
  for (let i = offset; i < offset + CID_BYTES; i++) {
    buffered = (buffered << 8) | (bytes[i] ?? 0)
    bits += 8
    while (bits >= 5) {
      bits -= 5
      scratch[out++] = ALPHABET[(buffered >>> bits) & 31] ?? 0
    }
    buffered &= 31
  }
  scratch[out] = ALPHABET[(buffered << (5 - bits)) & 31] ?? 0
  return scratch.toString('latin1', 0, CID_TEXT)
}

/** The 36 bytes of a CID text, or null when it is not one of ours. */
export const parseCid = (text: string): Buffer | null => {
  if (text.length !== CID_TEXT || text.charCodeAt(0) !== 0x62) return null
  const bytes = Buffer.allocUnsafe(CID_BYTES)
  let buffered = 0
  let bits = 0
  let out = 0
  for (let i = 1; i < CID_TEXT; i++) {
    const code = text.charCodeAt(i)
    const value = code < 256 ? (VALUE[code] ?? -1) : -1
    if (value < 0) return null
    buffered = ((buffered & 0xff) << 5) | value
    bits += 5
    if (bits < 8) continue
    bits -= 8
    bytes[out++] = buffered >>> bits
  }
  // 58 characters hold 290 bits: the two that are left over must be zero, or two texts would name one CID.
  if ((buffered & ((1 << bits) - 1)) !== 0) return null
  return isCidAt(bytes, 0) ? bytes : null
}

/** Whether sha-256 of `block` is the digest of the CID at `offset` of `bytes`. */
export const matchesCidAt = (bytes: Uint8Array, offset: number, block: Uint8Array): boolean =>
  sha256(block).compare(bytes, offset + 4, offset + CID_BYTES) === 0

/** The text CID of a DAG-CBOR block. */
export const cidOfBlock = (block: Uint8Array): string => {
  const bytes = Buffer.allocUnsafe(CID_BYTES)
  bytes.set([1, DAG_CBOR, SHA_256, 32])
  bytes.set(sha256(block), 4)
  return cidTextAt(bytes, 0)
}

export const sha256 = (data: Uint8Array): Buffer => hash('sha256', data, 'buffer')
