/** What the network says of an account now: its verified handle, and whether its present PDS serves it. */
import { IdentityError, type Resolver } from '../atproto/identity.ts'
import { xrpcGet, XrpcError } from '../atproto/xrpc.ts'
import { TransientError } from '../lib/errors.ts'

/** `gone`: the identity no longer exists, or names no PDS. */
export type FoundIdentity = { readonly handle: string | null } | 'gone'
export type FoundStatus = { readonly active: boolean; readonly status: string | null } | 'gone'

/** Both reject with TransientError when the answer could not be had. */
export type Lookup = {
  /** The handle counts only when it leads back to the DID. */
  identity(did: string, signal: AbortSignal): Promise<FoundIdentity>
  /** What the account's present PDS says of it. */
  status(did: string, signal: AbortSignal): Promise<FoundStatus>
}

export const createLookup = (resolver: Resolver, timeoutMs: number): Lookup => ({
  identity: async (did, signal) => {
    const facts = await resolveOrGone(resolver, did, signal)
    if (facts === 'gone' || facts.pds === null) return 'gone'
    if (facts.handle === null) return { handle: null }
    const owner = await resolver.resolveHandle(facts.handle, signal)
    return { handle: owner === did ? facts.handle.toLowerCase() : null }
  },
  status: async (did, signal) => {
    const facts = await resolveOrGone(resolver, did, signal)
    if (facts === 'gone' || facts.pds === null) return 'gone'
    try {
      const answer = await xrpcGet(
        facts.pds,
        'com.atproto.sync.getRepoStatus',
        { did },
        { timeoutMs, maxBytes: 65_536, signal },
      )
      const { active, status } = answer
      return { active: active === true, status: typeof status === 'string' ? status.toLowerCase() : null }
    } catch (error) {
      if (!(error instanceof XrpcError)) throw error
      if (error.error === 'RepoNotFound') return 'gone'
      // A server that will not tell now: nothing follows from that.
      throw new TransientError(`the PDS of ${did} does not tell its status`, { cause: error })
    }
  },
})

const resolveOrGone = async (resolver: Resolver, did: string, signal: AbortSignal) => {
  try {
    return await resolver.resolveDid(did, signal)
  } catch (error) {
    if (error instanceof IdentityError) return 'gone'
    throw error
  }
}
