/** The signed root of a repo (spec: repository, commit objects of version 3). Pure. */
import { BytesWrapper, CidLinkWrapper, decode, encode } from '@atcute/cbor'
import { cidTextAt } from './cid.ts'
import { verifySignature } from './crypto.ts'
import { isDid, isTid } from './syntax.ts'

export type Commit = {
  readonly did: string
  readonly version: 3
  /** CID text of the MST root. */
  readonly data: string
  readonly rev: string
  readonly prev: string | null
  readonly sig: Uint8Array
  /** What `sig` signs: the block without `sig`. */
  readonly unsigned: Uint8Array
}

/** The block is no commit. */
export class CommitError extends Error {
  override readonly name = 'CommitError'
}

export const decodeCommit = (block: Uint8Array): Commit => {
  const value = decodeMap(block)
  const { sig, ...rest } = value
  const { did, version, data, rev, prev } = rest
  if (version !== 3) throw new CommitError('not a commit of version 3')
  if (typeof did !== 'string' || !isDid(did)) throw new CommitError('a commit without a DID')
  if (typeof rev !== 'string' || !isTid(rev)) throw new CommitError('a commit without a rev')
  if (!(data instanceof CidLinkWrapper)) throw new CommitError('a commit without data')
  if (!(sig instanceof BytesWrapper)) throw new CommitError('a commit without a signature')
  return {
    did,
    version,
    data: cidTextAt(data.bytes, 0),
    rev,
    prev: prev instanceof CidLinkWrapper ? cidTextAt(prev.bytes, 0) : null,
    sig: sig.buf,
    // Decoding was strict about the canonical form, so encoding again yields the very bytes that were signed.
    unsigned: encode(rest),
  }
}

/** `didKey`: the `#atproto` key of the DID document as `did:key:…`. */
export const verifyCommit = ({ unsigned, sig }: Commit, didKey: string): boolean =>
  verifySignature(didKey, unsigned, sig)

const decodeMap = (block: Uint8Array): Readonly<Record<string, unknown>> => {
  let value: unknown
  try {
    value = decode(block)
  } catch (error) {
    throw new CommitError('a commit that is not DAG-CBOR', { cause: error })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new CommitError('a commit that is no map')
  return value as Readonly<Record<string, unknown>>
}
