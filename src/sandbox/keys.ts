/**
 * Signing keys of both curves of atproto, derived from text, with their did:key forms. Signatures are 64 bytes, low-S, over
 * the SHA-256 of the data. Those of k256 are deterministic; OpenSSL draws p256 nonces anew each time.
 */
import { createECDH, createPrivateKey, hash, sign as signNative, type KeyObject } from 'node:crypto'
import secp256k1 from 'secp256k1'

export type Curve = 'k256' | 'p256'

export type SigningKey = {
  readonly curve: Curve
  /** `z…`: the publicKeyMultibase of a Multikey. */
  readonly multikey: string
  /** `did:key:z…` */
  readonly didKey: string
  sign(data: Uint8Array): Uint8Array
}

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
/** Multicodec prefixes of compressed public keys. */
const MULTICODEC = { k256: [0xe7, 0x01], p256: [0x80, 0x24] } as const
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

const base58 = (bytes: Uint8Array): string => {
  let value = BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
  let text = ''
  while (value > 0n) {
    text = (BASE58[Number(value % 58n)] ?? '') + text
    value /= 58n
  }
  return text
}

const sha256 = (data: Uint8Array | string): Uint8Array => hash('sha256', data, 'buffer')

const withNames = (curve: Curve, publicKey: Uint8Array, sign: SigningKey['sign']): SigningKey => {
  const multikey = `z${base58(Uint8Array.from([...MULTICODEC[curve], ...publicKey]))}`
  return { curve, multikey, didKey: `did:key:${multikey}`, sign }
}

const k256Key = (secret: Uint8Array): SigningKey =>
  withNames(
    'k256',
    secp256k1.publicKeyCreate(secret, true),
    (data) => secp256k1.ecdsaSign(sha256(data), secret).signature,
  )

const lowS = (signature: Buffer): Uint8Array => {
  const s = BigInt(`0x${signature.toString('hex', 32)}`)
  if (s <= P256_ORDER / 2n) return signature
  signature.write((P256_ORDER - s).toString(16).padStart(64, '0'), 32, 'hex')
  return signature
}

const p256Object = (secret: Uint8Array, point: Buffer): KeyObject => {
  const part = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    d: part(secret),
    x: part(point.subarray(1, 33)),
    y: part(point.subarray(33)),
  }
  return createPrivateKey({ key: jwk, format: 'jwk' })
}

const p256Key = (secret: Uint8Array): SigningKey => {
  const ecdh = createECDH('prime256v1')
  ecdh.setPrivateKey(secret)
  const key = { key: p256Object(secret, ecdh.getPublicKey()), dsaEncoding: 'ieee-p1363' as const }
  return withNames('p256', ecdh.getPublicKey(null, 'compressed'), (data) =>
    lowS(signNative('sha256', data, key)),
  )
}

/** The key that `seed` names. A 256-bit hash is a valid scalar of either curve but for a chance of 2⁻³². */
export const deriveKey = (curve: Curve, seed: string): SigningKey => {
  const secret = sha256(`millrace sandbox ${curve} ${seed}`)
  return curve === 'k256' ? k256Key(secret) : p256Key(secret)
}
