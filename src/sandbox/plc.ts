/**
 * Identities: did:plc from a signed genesis operation, the operations after it, and DID documents. Genesis operations name
 * hosts that do not depend on ports, so that a seed gives the same DIDs on every machine; a second operation, as after a
 * migration, names the host on loopback.
 */
import { encode } from '@atcute/cbor'
import { base32, cidText, digestOf } from './block.ts'
import type { SigningKey } from './keys.ts'

export type IdentityFacts = {
  readonly handle: string
  readonly signingKey: string
  readonly pds: string
  readonly labeler?: { readonly endpoint: string; readonly key: string }
}

export type PlcOperation = {
  readonly type: string
  readonly prev: string | null
  readonly sig: string
  readonly [field: string]: unknown
}

export type PlcEntry = {
  readonly did: string
  readonly operation: PlcOperation
  readonly cid: string
  readonly nullified: boolean
  readonly createdAt: string
}

const signed = (unsigned: { type: string; prev: string | null }, rotation: SigningKey): PlcOperation => ({
  ...unsigned,
  sig: Buffer.from(rotation.sign(encode(unsigned))).toString('base64url'),
})

export const plcOperation = (facts: IdentityFacts, rotation: SigningKey, prev: string | null): PlcOperation =>
  signed({ type: 'plc_operation', ...plcData(facts, rotation), prev }, rotation)

export const plcTombstone = (rotation: SigningKey, prev: string): PlcOperation =>
  signed({ type: 'plc_tombstone', prev }, rotation)

/** What `/{did}/data` answers, without the DID. */
export const plcData = (facts: IdentityFacts, rotation: SigningKey): object => ({
  rotationKeys: [rotation.didKey],
  verificationMethods: {
    atproto: facts.signingKey,
    ...(facts.labeler === undefined ? {} : { atproto_label: facts.labeler.key }),
  },
  alsoKnownAs: [`at://${facts.handle}`],
  services: {
    atproto_pds: { type: 'AtprotoPersonalDataServer', endpoint: facts.pds },
    ...(facts.labeler === undefined
      ? {}
      : { atproto_labeler: { type: 'AtprotoLabeler', endpoint: facts.labeler.endpoint } }),
  },
})

export const operationCid = (operation: PlcOperation): string => cidText(digestOf(encode(operation)))

/** The first 24 base32 characters of the genesis operation's hash. */
export const plcDid = (genesis: PlcOperation): string =>
  `did:plc:${base32(Buffer.from(digestOf(encode(genesis)), 'latin1')).slice(0, 24)}`

const method = (did: string, id: string, didKey: string): object => ({
  id: `${did}#${id}`,
  type: 'Multikey',
  controller: did,
  publicKeyMultibase: didKey.slice('did:key:'.length),
})

export const didDocument = (did: string, facts: IdentityFacts): object => ({
  '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'],
  id: did,
  alsoKnownAs: [`at://${facts.handle}`],
  verificationMethod: [
    method(did, 'atproto', facts.signingKey),
    ...(facts.labeler === undefined ? [] : [method(did, 'atproto_label', facts.labeler.key)]),
  ],
  service: [
    { id: '#atproto_pds', type: 'AtprotoPersonalDataServer', serviceEndpoint: facts.pds },
    ...(facts.labeler === undefined
      ? []
      : [{ id: '#atproto_labeler', type: 'AtprotoLabeler', serviceEndpoint: facts.labeler.endpoint }]),
  ],
})
