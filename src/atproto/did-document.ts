/** DID documents: the facts we use, read from JSON that anybody may have written (spec: did). Pure. */
import { didKeyOf } from './did-key.ts'
import { isHandle } from './syntax.ts'

export type DidFacts = {
  readonly did: string
  /** The first handle the document claims; a claim until the handle resolves back to the DID. Lower case. */
  readonly handle: string | null
  /** `did:key:` of `#atproto`; null when absent or of a curve we do not know. */
  readonly signingKey: string | null
  /** Origin of the account's PDS, `https://host`; null when absent or unusable. */
  readonly pds: string | null
}

export type UrlPolicy = {
  /** Accept plain http and hosts of the inner network: for a network on loopback, never for the real one. */
  readonly allowHttp: boolean
}

/** Null when the value is not a document of `did`. */
export const parseDidDocument = (did: string, value: unknown, policy: UrlPolicy): DidFacts | null => {
  if (!isObject(value) || value['id'] !== did) return null
  return {
    did,
    handle: firstHandle(value['alsoKnownAs']),
    signingKey: signingKey(did, value['verificationMethod']),
    pds: pdsOrigin(did, value['service'], policy),
  }
}

const firstHandle = (value: unknown): string | null => {
  for (const name of list(value)) {
    if (typeof name !== 'string' || !name.startsWith('at://')) continue
    const handle = name.slice('at://'.length)
    return isHandle(handle) ? handle.toLowerCase() : null
  }
  return null
}

/** The method with id `#atproto`: a document's first method may be a labeler's key. */
const signingKey = (did: string, value: unknown): string | null => {
  const method = findById(did, value, '#atproto')
  const type = method?.['type']
  const multibase = method?.['publicKeyMultibase']
  return typeof type === 'string' && typeof multibase === 'string' ? didKeyOf(type, multibase) : null
}

const pdsOrigin = (did: string, value: unknown, policy: UrlPolicy): string | null => {
  const service = findById(did, value, '#atproto_pds')
  if (service?.['type'] !== 'AtprotoPersonalDataServer') return null
  const endpoint = service['serviceEndpoint']
  return typeof endpoint === 'string' ? safeOrigin(endpoint, policy) : null
}

/** The origin of a URL that a stranger wrote, or null when following it could lead into our own network. */
export const safeOrigin = (text: string, { allowHttp }: UrlPolicy): string | null => {
  if (!URL.canParse(text)) return null
  const { protocol, hostname, origin, username } = new URL(text)
  if (allowHttp) return protocol === 'https:' || protocol === 'http:' ? origin : null
  return protocol === 'https:' && username === '' && isPublicHost(hostname) ? origin : null
}

const INNER_HOST = /(^|\.)(localhost|local|internal|lan|home|arpa|onion|alt)$/

/** A name that can be public: not an address literal, not a name of an inner network. */
export const isPublicHost = (hostname: string): boolean =>
  isHandle(hostname) && !INNER_HOST.test(hostname.toLowerCase())

const findById = (did: string, value: unknown, id: string): JsonObject | undefined =>
  list(value)
    .filter(isObject)
    .find((item) => item['id'] === id || item['id'] === did + id)

type JsonObject = Readonly<Record<string, unknown>>

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
