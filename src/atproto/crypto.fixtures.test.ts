import assert from 'node:assert/strict'
import { createECDH } from 'node:crypto'
import { test } from 'node:test'
import secp256k1 from 'secp256k1'
import { needs } from '../../test/harness/services.ts'
import { decodeBase58 } from './base58.ts'
import { verifySignature } from './crypto.ts'
import { didKeyOf, formatDidKey, parseDidKey } from './did-key.ts'
import { fixtureJson } from '../../test/atproto/fixtures.ts'

type SignatureCase = {
  comment: string
  messageBase64: string
  didDocSuite: string
  publicKeyDid: string
  publicKeyMultibase: string
  signatureBase64: string
  validSignature: boolean
}

test('the interop signatures verify, or do not, as they say', needs('fixtures'), () => {
  const cases = fixtureJson('interop/crypto/signature-fixtures.json') as SignatureCase[]
  assert.equal(cases.length, 6)
  for (const item of cases) {
    const data = Buffer.from(item.messageBase64, 'base64')
    const sig = Buffer.from(item.signatureBase64, 'base64')
    assert.equal(verifySignature(item.publicKeyDid, data, sig), item.validSignature, item.comment)
    assert.equal(didKeyOf(item.didDocSuite, item.publicKeyMultibase), item.publicKeyDid, item.comment)
  }
})

test('the W3C did:key examples are the keys of their private keys', needs('fixtures'), () => {
  const k256 = fixtureJson('interop/crypto/w3c_didkey_K256.json') as {
    privateKeyBytesHex: string
    publicDidKey: string
  }[]
  for (const { privateKeyBytesHex, publicDidKey } of k256) {
    const point = secp256k1.publicKeyCreate(Buffer.from(privateKeyBytesHex, 'hex'), true)
    assert.equal(formatDidKey({ curve: 'k256', point }), publicDidKey)
    assert.deepEqual(parseDidKey(publicDidKey), { curve: 'k256', point })
  }
  const p256 = fixtureJson('interop/crypto/w3c_didkey_P256.json') as {
    privateKeyBytesBase58: string
    publicDidKey: string
  }[]
  for (const { privateKeyBytesBase58, publicDidKey } of p256) {
    const ecdh = createECDH('prime256v1')
    ecdh.setPrivateKey(decodeBase58(privateKeyBytesBase58) ?? Buffer.alloc(0))
    const point = ecdh.getPublicKey(null, 'compressed')
    assert.equal(formatDidKey({ curve: 'p256', point }), publicDidKey)
  }
})

test('a changed message, signature or key verifies nothing', needs('fixtures'), () => {
  const cases = fixtureJson('interop/crypto/signature-fixtures.json') as SignatureCase[]
  for (const item of cases.filter(({ validSignature }) => validSignature)) {
    const data = Buffer.from(item.messageBase64, 'base64')
    const sig = Buffer.from(item.signatureBase64, 'base64')
    const other = cases.find(({ publicKeyDid }) => publicKeyDid !== item.publicKeyDid)?.publicKeyDid ?? ''
    assert.equal(verifySignature(item.publicKeyDid, Buffer.concat([data, data]), sig), false)
    assert.equal(verifySignature(item.publicKeyDid, data, Buffer.from(sig).fill(0xff, 0, 32)), false)
    assert.equal(verifySignature(item.publicKeyDid, data, Buffer.alloc(64)), false)
    assert.equal(verifySignature(other, data, sig), false)
    assert.equal(verifySignature('did:key:znonsense', data, sig), false)
  }
})

test('the bare multibase of a Multikey names the same key', needs('fixtures'), () => {
  const [item] = fixtureJson('interop/crypto/signature-fixtures.json') as SignatureCase[]
  assert.ok(item)
  const data = Buffer.from(item.messageBase64, 'base64')
  const multibase = item.publicKeyDid.slice('did:key:'.length)
  assert.equal(verifySignature(multibase, data, Buffer.from(item.signatureBase64, 'base64')), true)
})
