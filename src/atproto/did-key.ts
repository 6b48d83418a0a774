/**
 * Public keys as text: `did:key:z…` (spec: cryptography), the multibase of a Multikey, and the two older verification
 * method types whose multibase names no curve. Owns the reading of them; verifying is crypto.ts.
 */
import secp256k1 from 'secp256k1'
import { decodeBase58, encodeBase58 } from './base58.ts'

export type Curve = 'k256' | 'p256'

/** `point` is the compressed form: 33 bytes. */
export type PublicKey = { readonly curve: Curve; readonly point: Uint8Array }

const PREFIX = { k256: [0xe7, 0x01], p256: [0x80, 0x24] } as const
const COMPRESSED = 33

/** Reads `did:key:z…` or the bare multibase `z…` with its curve prefix. Null when it is not a key of a curve we know. */
export const parseDidKey = (text: string): PublicKey | null => {
  const bytes = multibaseBytes(text.startsWith('did:key:') ? text.slice('did:key:'.length) : text)
  const curve = bytes && curveOf(bytes)
  return curve ? publicKey(curve, bytes.subarray(2)) : null
}

/**
 * The `did:key:` of a verification method's `publicKeyMultibase`, by the method's `type`: `Multikey`, or
 * `EcdsaSecp256k1VerificationKey2019` and `EcdsaSecp256r1VerificationKey2019`, whose multibase is the bare point.
 */
export const didKeyOf = (type: string, multibase: string): string | null => {
  const key = type === 'Multikey' ? parseDidKey(multibase) : legacyKey(type, multibase)
  return key && formatDidKey(key)
}

export const formatDidKey = ({ curve, point }: PublicKey): string =>
  `did:key:z${encodeBase58(Uint8Array.from([...PREFIX[curve], ...point]))}`

const legacyKey = (type: string, multibase: string): PublicKey | null => {
  const bytes = multibaseBytes(multibase)
  if (bytes === null) return null
  if (type === 'EcdsaSecp256k1VerificationKey2019') return publicKey('k256', bytes)
  if (type === 'EcdsaSecp256r1VerificationKey2019') return publicKey('p256', bytes)
  return null
}

const multibaseBytes = (text: string): Uint8Array | null =>
  text.startsWith('z') ? decodeBase58(text.slice(1)) : null

const curveOf = (bytes: Uint8Array): Curve | null => {
  if (bytes[0] === PREFIX.k256[0] && bytes[1] === PREFIX.k256[1]) return 'k256'
  if (bytes[0] === PREFIX.p256[0] && bytes[1] === PREFIX.p256[1]) return 'p256'
  return null
}

const publicKey = (curve: Curve, bytes: Uint8Array): PublicKey | null => {
  const point = compress(bytes)
  if (point === null) return null
  return curve === 'p256' || secp256k1.publicKeyVerify(point) ? { curve, point } : null
}

/** SEC 1: 0x04 x y becomes 0x02 or 0x03 (the parity of y) x. */
const compress = (bytes: Uint8Array): Uint8Array | null => {
  if (bytes.length === COMPRESSED && (bytes[0] === 2 || bytes[0] === 3)) return bytes
  if (bytes.length !== 65 || bytes[0] !== 4) return null
  return Uint8Array.from([2 + ((bytes[64] ?? 0) & 1), ...bytes.subarray(1, COMPRESSED)])
}
