/**
 * Signature verification for the two curves of the protocol. Guarantees: low-S only (a signature has one form), 64 bytes only
 * (no DER), and any input gives true or false. Parsed keys are kept, at most `MAX_KEYS` of them: parsing costs as much as
 * verifying. Signing is not here: nothing that reads the network signs.
 */
import { createPublicKey, verify, type KeyObject } from 'node:crypto'
import secp256k1 from 'secp256k1'
import { sha256 } from './cid.ts'
import { parseDidKey } from './did-key.ts'

type Verifier = (data: Uint8Array, sig: Uint8Array) => boolean

const MAX_KEYS = 5_000

const verifiers = new Map<string, Verifier>()

/** `key` is `did:key:z…` or its bare multibase; an unreadable key verifies nothing. */
export const verifySignature = (key: string, data: Uint8Array, sig: Uint8Array): boolean =>
  sig.length === 64 && verifierOf(key)(data, sig)

const verifierOf = (key: string): Verifier => {
  const known = verifiers.get(key)
  if (known !== undefined) return known
  const verifier = createVerifier(key)
  if (verifiers.size >= MAX_KEYS) verifiers.delete(verifiers.keys().next().value ?? '')
  verifiers.set(key, verifier)
  return verifier
}

const REFUSES: Verifier = () => false

const createVerifier = (text: string): Verifier => {
  const key = parseDidKey(text)
  if (key === null) return REFUSES
  return key.curve === 'k256' ? k256Verifier(key.point) : p256Verifier(key.point)
}

/** libsecp256k1 itself refuses a high S. The uncompressed point spares it a square root per call. */
const k256Verifier = (compressed: Uint8Array): Verifier => {
  const point = secp256k1.publicKeyConvert(compressed, false)
  return (data, sig) => {
    try {
      return secp256k1.ecdsaVerify(sig, sha256(data), point)
    } catch {
      // Thrown for an r or s that is not below the group order.
      return false
    }
  }
}

const p256Verifier = (point: Uint8Array): Verifier => {
  const key = p256Key(point)
  if (key === null) return REFUSES
  return (data, sig) => isLowS(sig) && verify('sha256', data, { key, dsaEncoding: 'ieee-p1363' }, sig)
}

/** DER of SubjectPublicKeyInfo for a compressed point on prime256v1. */
const P256_SPKI = Buffer.from('3039301306072a8648ce3d020106082a8648ce3d030107032200', 'hex')

const p256Key = (point: Uint8Array): KeyObject | null => {
  try {
    return createPublicKey({ key: Buffer.concat([P256_SPKI, point]), format: 'der', type: 'spki' })
  } catch {
    // Not a point of the curve.
    return null
  }
}

/** Half of the order of prime256v1. */
const P256_HALF_ORDER = Buffer.from('7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8', 'hex')

const isLowS = (sig: Uint8Array): boolean => Buffer.compare(sig.subarray(32), P256_HALF_ORDER) <= 0
