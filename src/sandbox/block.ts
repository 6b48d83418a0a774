/**
 * Blocks, their content hashes and CAR sections. A hash is kept as a *digest*: the 32 bytes of the SHA-256 as a one-byte
 * string, which is the smallest and fastest form in memory, comparable with `===` and usable as a key.
 */
import { hash } from 'node:crypto'
import { CidLinkWrapper, encode } from '@atcute/cbor'

export type Digest = string
export type Codec = 'cbor' | 'raw'

/** Bytes of a CIDv1 with a SHA-256: version, codec, hash code, length, digest. */
export const CID_BYTES = 36
const PREFIX = { cbor: '\x01\x71\x12\x20', raw: '\x01\x55\x12\x20' } as const
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

export const digestOf = (bytes: Uint8Array): Digest => hash('sha256', bytes, 'binary')

export const writeCid = (target: Buffer, offset: number, digest: Digest): void => {
  target.write(PREFIX.cbor, offset, 'latin1')
  target.write(digest, offset + 4, 'latin1')
}

export const cidBytes = (digest: Digest, codec: Codec = 'cbor'): Uint8Array => {
  const bytes = new Uint8Array(CID_BYTES)
  const text = PREFIX[codec] + digest
  for (let i = 0; i < CID_BYTES; i++) bytes[i] = text.charCodeAt(i)
  return bytes
}

export const cidLink = (digest: Digest, codec: Codec = 'cbor'): CidLinkWrapper =>
  new CidLinkWrapper(cidBytes(digest, codec))

export const base32 = (bytes: Uint8Array): string => {
  let text = ''
  let bits = 0
  let value = 0
  for (const byte of bytes) {
    value = ((value << 8) | byte) & 0x1fff
    bits += 8
    while (bits >= 5) {
      bits -= 5
      text += BASE32[(value >>> bits) & 31] ?? ''
    }
  }
  return bits > 0 ? text + (BASE32[(value << (5 - bits)) & 31] ?? '') : text
}

export const cidText = (digest: Digest, codec: Codec = 'cbor'): string =>
  `b${base32(cidBytes(digest, codec))}`

/** Bytes that the unsigned LEB128 form of `value` takes. */
const varintLength = (value: number): number =>
  value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : 4

const writeVarint = (target: Buffer, start: number, value: number): number => {
  let at = start
  let rest = value
  while (rest >= 0x80) {
    target[at++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  target[at++] = rest
  return at
}

/** Collects CAR sections in one growing buffer, which it keeps for the next use. */
export class SectionWriter {
  #buffer: Buffer
  #length = 0

  constructor(initialBytes = 64 * 1024) {
    this.#buffer = Buffer.allocUnsafeSlow(initialBytes)
  }

  get length(): number {
    return this.#length
  }

  reset(): void {
    this.#length = 0
  }

  add(digest: Digest, block: Uint8Array): void {
    const size = CID_BYTES + block.length
    this.#reserve(varintLength(size) + size)
    const at = writeVarint(this.#buffer, this.#length, size)
    writeCid(this.#buffer, at, digest)
    this.#buffer.set(block, at + CID_BYTES)
    this.#length = at + size
  }

  /** What was collected; valid until the next change. */
  view(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#buffer.length * 2, this.#length + bytes))
    this.#buffer.copy(larger, 0, 0, this.#length)
    this.#buffer = larger
  }
}

/** A CAR header with one root: the same bytes but for the root's digest. */
const HEADER = (() => {
  const header = encode({ roots: [cidLink('\0'.repeat(32))], version: 1 })
  return Buffer.concat([Buffer.of(header.length), header])
})()
const HEADER_DIGEST_AT = HEADER.indexOf(Buffer.alloc(32))

/** The first bytes of a CAR file: its header with one root. */
export const carHeader = (root: Digest): Buffer => {
  const header = Buffer.from(HEADER)
  header.write(root, HEADER_DIGEST_AT, 'latin1')
  return header
}

/** A CAR of one root block and sections that were collected before. */
export const carOf = (root: Digest, block: Uint8Array, sections: Uint8Array): Buffer => {
  const size = CID_BYTES + block.length
  const rootAt = HEADER.length + varintLength(size)
  const car = Buffer.allocUnsafeSlow(rootAt + size + sections.length)
  car.set(HEADER)
  car.write(root, HEADER_DIGEST_AT, 'latin1')
  writeVarint(car, HEADER.length, size)
  writeCid(car, rootAt, root)
  car.set(block, rootAt + CID_BYTES)
  car.set(sections, rootAt + size)
  return car
}

const SLAB_BYTES = 256 * 1024

/**
 * Keeps long-lived small blocks together. Node's own buffer pool would mix them with short-lived ones and keep those alive.
 */
export class Slab {
  #chunk = Buffer.alloc(0)
  #used = 0

  keep(block: Uint8Array): Buffer {
    if (this.#used + block.length > this.#chunk.length) {
      this.#chunk = Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, block.length))
      this.#used = 0
    }
    const kept = this.#chunk.subarray(this.#used, this.#used + block.length)
    kept.set(block)
    this.#used += block.length
    return kept
  }
}
