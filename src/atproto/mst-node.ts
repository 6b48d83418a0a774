/**
 * One node of a Merkle Search Tree, read straight from its bytes. A node has exactly one canonical DAG-CBOR form
 * (`{e: [{k, p, t, v}], l}`, spec: repository), so a strict reader of that form is both the check and the fast path: no maps,
 * no link objects. Links are positions in the block.
 */
import { hash } from 'node:crypto'
import { CidLinkWrapper, encode, toBytes } from '@atcute/cbor'
import { CID_BYTES, isCidAt, parseCid } from './cid.ts'

export type MstErrorReason = 'missing_node' | 'bad_node' | 'key_order'

export class MstError extends Error {
  override readonly name = 'MstError'
  readonly reason: MstErrorReason

  constructor(reason: MstErrorReason, message: string) {
    super(message)
    this.reason = reason
  }
}

/** `at` positions are those of the 36 CID bytes within `block`; -1 is null. */
export type MstEntry = { readonly key: string; readonly valueAt: number; readonly treeAt: number }

export type MstNode = {
  readonly block: Uint8Array
  readonly leftAt: number
  readonly entries: readonly MstEntry[]
}

/** Keys are at most `<317>/<512>` characters. */
const MAX_KEY = 1024

/** Throws MstError `bad_node` for anything but a canonical node with keys in order. */
export const decodeMstNode = (block: Uint8Array): MstNode => {
  const reader: Reader = { block, at: 0 }
  expect(reader, 0xa2)
  expectName(reader, 0x65)
  const count = readArgument(reader, 4)
  const entries: MstEntry[] = []
  let previous = ''
  for (let i = 0; i < count; i++) {
    const entry = readEntry(reader, previous)
    if (i > 0 && entry.key <= previous) throw new MstError('key_order', 'keys of a node are not ascending')
    previous = entry.key
    entries.push(entry)
  }
  expectName(reader, 0x6c)
  const leftAt = readLink(reader, true)
  if (reader.at !== block.length) throw badNode('bytes after the node')
  return { block, leftAt, entries }
}

type Reader = { readonly block: Uint8Array; at: number }

const readEntry = (reader: Reader, previous: string): MstEntry => {
  expect(reader, 0xa4)
  expectName(reader, 0x6b)
  const length = readArgument(reader, 2)
  const start = reader.at
  reader.at += length
  if (reader.at > reader.block.length) throw badNode('a key is cut off')
  expectName(reader, 0x70)
  const prefix = readArgument(reader, 0)
  if (prefix > previous.length || prefix + length > MAX_KEY)
    throw badNode('a key prefix of impossible length')
  expectName(reader, 0x74)
  const treeAt = readLink(reader, true)
  expectName(reader, 0x76)
  const valueAt = readLink(reader, false)
  return { key: previous.slice(0, prefix) + readAscii(reader.block, start, length), valueAt, treeAt }
}

/** Key bytes are ASCII; others come out as latin1, keep their byte order and are no valid record path. */
const readAscii = (block: Uint8Array, start: number, length: number): string =>
  Buffer.from(block.buffer, block.byteOffset + start, length).toString('latin1')

/** `d8 2a 58 25 00`: tag 42, byte string of 37 bytes, the multibase identity prefix. */
const readLink = (reader: Reader, nullable: boolean): number => {
  const { block } = reader
  if (nullable && block[reader.at] === 0xf6) {
    reader.at++
    return -1
  }
  expect(reader, 0xd8)
  expect(reader, 0x2a)
  expect(reader, 0x58)
  expect(reader, 0x25)
  expect(reader, 0x00)
  const at = reader.at
  if (!isCidAt(block, at)) throw badNode('a link that is no CID')
  reader.at += CID_BYTES
  return at
}

const expectName = (reader: Reader, letter: number): void => {
  expect(reader, 0x61)
  expect(reader, letter)
}

const expect = (reader: Reader, byte: number): void => {
  if (reader.block[reader.at++] !== byte) throw badNode('not the canonical form of a node')
}

/** A canonical CBOR length or integer below 65,536 of the given major type. */
const readArgument = (reader: Reader, major: number): number => {
  const { block } = reader
  const initial = block[reader.at++] ?? 0xff
  const info = initial & 31
  if (initial >> 5 === major && info < 24) return info
  const low = block[reader.at++] ?? 0
  if (initial >> 5 === major && info === 24 && low >= 24) return low
  const value = (low << 8) | (block[reader.at++] ?? 0)
  if (initial >> 5 === major && info === 25 && value >= 256) return value
  throw badNode('not the canonical form of a node')
}

const badNode = (message: string): MstError => new MstError('bad_node', message)

/** A node to be encoded: `subtrees` has one more element than `keys`; values and subtrees are CID texts. */
export type MstNodeParts = {
  readonly keys: readonly string[]
  readonly values: readonly string[]
  readonly subtrees: readonly (string | null)[]
}

export const encodeMstNode = ({ keys, values, subtrees }: MstNodeParts): Uint8Array => {
  const entries = keys.map((key, i) => {
    const prefix = commonPrefixLength(keys[i - 1] ?? '', key)
    return {
      k: toBytes(Buffer.from(key.slice(prefix), 'latin1')),
      p: prefix,
      t: link(subtrees[i + 1] ?? null),
      v: link(values[i] ?? null),
    }
  })
  return encode({ e: entries, l: link(subtrees[0] ?? null) })
}

const link = (text: string | null): CidLinkWrapper | null => {
  const bytes = text === null ? null : parseCid(text)
  return bytes && new CidLinkWrapper(bytes)
}

/** Leading zero bits of the key's sha-256, in pairs: the layer at which the key lives. */
export const keyHeight = (key: string): number => {
  const digest = hash('sha256', key, 'buffer')
  let zeros = 0
  for (const byte of digest) {
    if (byte === 0) {
      zeros += 8
      continue
    }
    zeros += Math.clz32(byte) - 24
    break
  }
  return zeros >> 1
}

/** In bytes; keys are latin1 here, one character a byte. */
export const commonPrefixLength = (left: string, right: string): number => {
  const end = Math.min(left.length, right.length)
  let length = 0
  while (length < end && left.charCodeAt(length) === right.charCodeAt(length)) length++
  return length
}
