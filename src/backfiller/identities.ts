/**
 * From a DID to the two facts a backfill needs: where the repo is and which key signs it. Owns the way there: memory, then the
 * cache that the fleet shares (rsky's keys, 24 hours), then the network. Guarantees one look-up at a time per DID and a bounded
 * memory; a cached fact may be stale, so `refresh` goes past both caches. Refuses to judge what the facts lead to.
 */
import { safeOrigin } from '../atproto/did-document.ts'
import { IdentityError, type DidFacts, type IdentityErrorReason, type Resolver } from '../atproto/identity.ts'
import { didKeyCacheKey, didPdsCacheKey } from '../event/streams.ts'
import { describeError, TransientError } from '../lib/errors.ts'
import type { Log } from '../stream/log.ts'
import { RepoFailure, type FailureReason } from './classify.ts'
import type { HostOutcome } from './host.ts'
import type { Hosts } from './hosts.ts'

export type Identity = {
  readonly pds: string
  /** `did:key:…` of `#atproto`; null when the document names none. */
  readonly signingKey: string | null
  /** Came from the network during this very call. */
  readonly fresh: boolean
}

export type LookupSource = 'memory' | 'shared' | 'network'

export type IdentitiesOptions = {
  readonly log: Pick<Log, 'cacheGet' | 'cacheSet'>
  readonly resolver: Pick<Resolver, 'resolveDid'>
  /** Who may ask a directory now: an outage of the directory must cost time, not the attempts of a million repos. */
  readonly directories: Hosts
  /** Whether plain http and hosts of an inner network count as a PDS. */
  readonly allowHttp: boolean
  readonly maxEntries: number
  readonly memoryTtlMs: number
  readonly sharedTtlMs: number
  readonly onLookup: (source: LookupSource) => void
}

/** How the one directory of did:plc has answered. */
export type DirectoryState = {
  readonly answeredAt: number | null
  /** Since its last answer. */
  readonly failures: number
  readonly lastError: string | null
}

type Known = { readonly pds: string; readonly signingKey: string | null; readonly until: number }

export class Identities {
  readonly #options: IdentitiesOptions
  readonly #known = new Map<string, Known>()
  readonly #flights = new Map<string, Promise<Identity>>()

  #directory: DirectoryState = { answeredAt: null, failures: 0, lastError: null }

  constructor(options: IdentitiesOptions) {
    this.#options = options
  }

  get directory(): DirectoryState {
    return this.#directory
  }

  /** Rejects with RepoFailure. */
  async find(did: string, signal: AbortSignal): Promise<Identity> {
    const known = this.#recall(did)
    if (known !== null) {
      this.#options.onLookup('memory')
      return { pds: known.pds, signingKey: known.signingKey, fresh: false }
    }
    return this.#once(
      did,
      async () => (await this.#fromShared(did)) ?? (await this.#fromNetwork(did, signal)),
    )
  }

  /** Asks the network, whatever is cached, and caches the answer. Rejects with RepoFailure. */
  refresh(did: string, signal: AbortSignal): Promise<Identity> {
    return this.#once(`refresh ${did}`, () => this.#fromNetwork(did, signal))
  }

  #once(key: string, look: () => Promise<Identity>): Promise<Identity> {
    const flight = this.#flights.get(key) ?? look().finally(() => this.#flights.delete(key))
    this.#flights.set(key, flight)
    return flight
  }

  #recall(did: string): Known | null {
    const known = this.#known.get(did)
    if (known === undefined) return null
    this.#known.delete(did)
    if (known.until <= Date.now()) return null
    this.#known.set(did, known)
    return known
  }

  #remember(did: string, pds: string, signingKey: string | null): void {
    this.#known.delete(did)
    this.#known.set(did, { pds, signingKey, until: Date.now() + this.#options.memoryTtlMs })
    const [oldest] = this.#known.keys()
    if (this.#known.size > this.#options.maxEntries && oldest !== undefined) this.#known.delete(oldest)
  }

  /** Both keys or nothing: half an identity came from a writer that died between the two. */
  async #fromShared(did: string): Promise<Identity | null> {
    try {
      const { log } = this.#options
      const [pds, signingKey] = await Promise.all([
        log.cacheGet(didPdsCacheKey(did)),
        log.cacheGet(didKeyCacheKey(did)),
      ])
      const origin = pds === null ? null : safeOrigin(pds, this.#options)
      if (origin === null || !signingKey?.startsWith('did:key:')) return null
      this.#remember(did, origin, signingKey)
      this.#options.onLookup('shared')
      return { pds: origin, signingKey, fresh: false }
    } catch (error) {
      // A cache that does not answer costs a look-up, nothing else.
      if (error instanceof TransientError) return null
      throw error
    }
  }

  async #fromNetwork(did: string, signal: AbortSignal): Promise<Identity> {
    const facts = await this.#resolve(did, signal)
    if (facts.pds === null) throw new RepoFailure('no_pds', 'the DID document names no PDS')
    this.#remember(did, facts.pds, facts.signingKey)
    await this.#share(did, facts.pds, facts.signingKey)
    return { pds: facts.pds, signingKey: facts.signingKey, fresh: true }
  }

  async #resolve(did: string, signal: AbortSignal): Promise<DidFacts> {
    const { directories, resolver, onLookup } = this.#options
    const slot = await directories.acquire(directoryOf(did), signal)
    let outcome: HostOutcome = { kind: 'ok', waitMs: null }
    let said: string | null = null
    onLookup('network')
    try {
      return await resolver.resolveDid(did, signal)
    } catch (error) {
      if (error instanceof TransientError) {
        outcome = { kind: 'limited', waitMs: error.retryAfterMs ?? null }
        said = describeError(error)
      }
      throw signal.aborted ? error : identityFailure(error)
    } finally {
      slot.release(outcome, said)
      if (did.startsWith('did:plc:') && !signal.aborted) this.#heard(said)
    }
  }

  #heard(error: string | null): void {
    const { failures, answeredAt } = this.#directory
    this.#directory =
      error === null
        ? { answeredAt: Date.now(), failures: 0, lastError: null }
        : { answeredAt, failures: failures + 1, lastError: error }
  }

  async #share(did: string, pds: string, signingKey: string | null): Promise<void> {
    if (signingKey === null) return
    const { log, sharedTtlMs } = this.#options
    try {
      await log.cacheSet(didPdsCacheKey(did), pds, sharedTtlMs)
      await log.cacheSet(didKeyCacheKey(did), signingKey, sharedTtlMs)
    } catch (error) {
      if (!(error instanceof TransientError)) throw error
    }
  }
}

/** All of did:plc asks one directory; each did:web its own domain. */
const directoryOf = (did: string): string => (did.startsWith('did:web:') ? did : 'did:plc')

const IDENTITY_REASONS: Readonly<Record<IdentityErrorReason, FailureReason>> = {
  not_found: 'did_not_found',
  tombstoned: 'did_tombstoned',
  bad_document: 'did_document_invalid',
  unsupported_method: 'did_unsupported',
}

const identityFailure = (error: unknown): unknown => {
  if (error instanceof IdentityError) {
    return new RepoFailure(IDENTITY_REASONS[error.reason], error.message, { cause: error })
  }
  if (error instanceof TransientError) {
    return new RepoFailure('did_unavailable', describeError(error), { cause: error })
  }
  return error
}
