/**
 * Resolves DIDs (did:plc through a directory, did:web through the domain) and handles (DNS TXT, then HTTPS; or a resolver
 * service). Guarantees bounded answers and times, and errors by reaction. Keeps no cache: freshness is the caller's decision.
 */
import { resolveTxt as nodeResolveTxt } from 'node:dns/promises'
import { TransientError, describeError } from '../lib/errors.ts'
import { isPublicHost, parseDidDocument, type DidFacts } from './did-document.ts'
import { TooLargeError, httpGet, type HttpResponse } from './http.ts'
import { isDid, isHandle } from './syntax.ts'
import { XrpcError, retryAfterMs, xrpcGet } from './xrpc.ts'

export type { DidFacts } from './did-document.ts'

export type IdentityErrorReason = 'not_found' | 'tombstoned' | 'bad_document' | 'unsupported_method'

/** Permanent until the owner of the identity changes something: do not retry soon. */
export class IdentityError extends Error {
  override readonly name = 'IdentityError'
  readonly reason: IdentityErrorReason

  constructor(reason: IdentityErrorReason, message: string) {
    super(message)
    this.reason = reason
  }
}

export type ResolverOptions = {
  readonly plcUrl: string
  readonly timeoutMs: number
  /** Ask `com.atproto.identity.resolveHandle` there instead of DNS and HTTPS. */
  readonly handleResolverUrl?: string | undefined
  /** Accept http endpoints and local hosts: for a network on loopback. */
  readonly allowHttp?: boolean | undefined
  readonly maxBytes?: number | undefined
  readonly fetch?: typeof fetch | undefined
  readonly resolveTxt?: ((name: string) => Promise<string[][]>) | undefined
}

export interface Resolver {
  /** Rejects with IdentityError, TransientError or the signal's reason. */
  resolveDid(did: string, signal?: AbortSignal): Promise<DidFacts>
  /** The DID the handle's owner names, null when there is none. Rejects with TransientError or the signal's reason. */
  resolveHandle(handle: string, signal?: AbortSignal): Promise<string | null>
}

const MAX_DOCUMENT_BYTES = 256 * 1024

export const createResolver = (options: ResolverOptions): Resolver => {
  const context: Context = {
    ...options,
    maxBytes: options.maxBytes ?? MAX_DOCUMENT_BYTES,
    allowHttp: options.allowHttp ?? false,
    resolveTxt: options.resolveTxt ?? nodeResolveTxt,
  }
  return {
    resolveDid: (did, signal) => resolveDid(did, context, signal),
    resolveHandle: (handle, signal) =>
      context.handleResolverUrl === undefined
        ? resolveHandle(handle, context, signal)
        : askResolver(handle, context.handleResolverUrl, context, signal),
  }
}

type Context = ResolverOptions & {
  readonly maxBytes: number
  readonly allowHttp: boolean
  readonly resolveTxt: (name: string) => Promise<string[][]>
}

const resolveDid = async (did: string, context: Context, signal?: AbortSignal): Promise<DidFacts> => {
  const url = documentUrl(did, context)
  const response = await getDocument(url, context, signal)
  if (response.status !== 200) throw refusal(did, url, response)
  const facts = parseDidDocument(did, parseJson(response.bytes), context)
  if (facts === null)
    throw new IdentityError('bad_document', `what ${new URL(url).host} answers is no document of ${did}`)
  return facts
}

const refusal = (did: string, url: string, { status, headers }: HttpResponse): Error => {
  const { host } = new URL(url)
  if (status === 410) return new IdentityError('tombstoned', `${did} is tombstoned`)
  if (status < 400) return new IdentityError('bad_document', `${host} answered ${status} for ${did}`)
  if (status < 500 && status !== 429)
    return new IdentityError('not_found', `${host} answered ${status} for ${did}`)
  const wait = retryAfterMs(headers, Date.now())
  return new TransientError(
    `${host} answered ${status} for ${did}`,
    wait === null ? {} : { retryAfterMs: wait },
  )
}

const documentUrl = (did: string, { plcUrl, allowHttp }: Context): string => {
  if (!isDid(did)) throw new IdentityError('unsupported_method', `not a DID: ${did.slice(0, 100)}`)
  if (did.startsWith('did:plc:')) return `${plcUrl.replace(/\/+$/, '')}/${did}`
  if (!did.startsWith('did:web:'))
    throw new IdentityError('unsupported_method', `not a method of the network: ${did}`)
  const host = did.slice('did:web:'.length).replace('%3A', ':')
  if (isPublicHost(host)) return `https://${host}/.well-known/did.json`
  // A port is allowed for localhost only (spec: did), which is why it needs the permission that loopback needs.
  if (allowHttp && /^[a-z0-9.-]+(:\d+)?$/.test(host)) return `http://${host}/.well-known/did.json`
  throw new IdentityError('unsupported_method', `${did} names no public domain`)
}

const getDocument = async (url: string, context: Context, signal?: AbortSignal): Promise<HttpResponse> => {
  try {
    return await httpGet(url, { ...context, signal, accept: 'application/did+ld+json, application/json' })
  } catch (error) {
    if (error instanceof TooLargeError) throw new IdentityError('bad_document', error.message)
    throw error
  }
}

const resolveHandle = async (
  handle: string,
  context: Context,
  signal?: AbortSignal,
): Promise<string | null> => {
  if (!isHandle(handle) || !isPublicHost(handle)) return null
  return (await fromDns(handle, context)) ?? fromHttps(handle, context, signal)
}

/** Exactly one `did=` record, or none: two answers are no answer (spec: handle). */
const fromDns = async (handle: string, { resolveTxt }: Context): Promise<string | null> => {
  const records = await resolveTxt(`_atproto.${handle}`).catch((error: unknown) => {
    if (isMissingName(error)) return []
    throw new TransientError(`DNS for ${handle}: ${describeError(error)}`, { cause: error })
  })
  const dids = records
    .map((chunks) => chunks.join(''))
    .filter((text) => text.startsWith('did='))
    .map((text) => text.slice('did='.length))
  return dids.length === 1 && dids[0] !== undefined && isDid(dids[0]) ? dids[0] : null
}

const isMissingName = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOTFOUND' || error.code === 'ENODATA')

const MAX_WELL_KNOWN_BYTES = 4096

const fromHttps = async (handle: string, context: Context, signal?: AbortSignal): Promise<string | null> => {
  const url = `https://${handle}/.well-known/atproto-did`
  try {
    const { status, bytes } = await httpGet(url, { ...context, signal, maxBytes: MAX_WELL_KNOWN_BYTES })
    if (status >= 500 || status === 429) throw new TransientError(`${handle} answered ${status}`)
    const text = bytes.toString('utf8').trim()
    return status === 200 && isDid(text) ? text : null
  } catch (error) {
    if (error instanceof TooLargeError || isNoSuchHost(error)) return null
    throw error
  }
}

/** fetch wraps the resolver's error: TransientError, TypeError, then the one with a code. */
const isNoSuchHost = (error: unknown): boolean =>
  error instanceof Error && (isMissingName(error) || isNoSuchHost(error.cause))

const askResolver = async (
  handle: string,
  resolverUrl: string,
  context: Context,
  signal?: AbortSignal,
): Promise<string | null> => {
  if (!isHandle(handle)) return null
  try {
    const { did } = await xrpcGet(
      resolverUrl,
      'com.atproto.identity.resolveHandle',
      { handle },
      { ...context, signal },
    )
    return typeof did === 'string' && isDid(did) ? did : null
  } catch (error) {
    if (error instanceof XrpcError) return null
    throw error
  }
}

const parseJson = (bytes: Buffer): unknown => {
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown
  } catch {
    return null
  }
}
