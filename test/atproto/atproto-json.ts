/** atproto JSON (`$link`, `$bytes`) to the values that @atcute/cbor encodes, for tests. */
import { CidLinkWrapper, encode, fromBytes, toBytes } from '@atcute/cbor'
import { parseCid } from '../../src/atproto/cid.ts'

export const fromAtprotoJson = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(fromAtprotoJson)
  if (typeof value !== 'object' || value === null) return value
  const object = value as Readonly<Record<string, unknown>>
  if ('$link' in object || '$bytes' in object) return fromWrapped(object)
  return Object.fromEntries(Object.entries(object).map(([key, item]) => [key, fromAtprotoJson(item)]))
}

const fromWrapped = (object: Readonly<Record<string, unknown>>): unknown => {
  if (Object.keys(object).length !== 1) throw new Error('$link or $bytes with extra fields')
  const { $link, $bytes } = object
  if (typeof $bytes === 'string') return toBytes(fromBytes({ $bytes }))
  const cid = typeof $link === 'string' ? parseCid($link) : null
  if (cid === null) throw new Error('$link without a CID, or $bytes without text')
  return new CidLinkWrapper(cid)
}

/** The wire form of a frame. */
export const encodeFrame = (header: unknown, body: unknown): Uint8Array =>
  Buffer.concat([encode(header), encode(body)])

/** A link of the given CID text. */
export const link = (cid: string): unknown => fromAtprotoJson({ $link: cid })
