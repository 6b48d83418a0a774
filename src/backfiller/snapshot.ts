/**
 * One verified repo, for as long as somebody uses it. Owns the way from a DID to a snapshot: identity, a place at the host,
 * bytes within the budget, verification, and the second look at the DID document. Guarantees that place and bytes are given
 * back however it ends, and that `use` is called at most once, with a repo that is whole and signed. Rejects with RepoFailure
 * for what the network did; what `use` throws passes unchanged.
 */
import { matchesCollection } from '../atproto/syntax.ts'
import { verifyRepo, type VerifiedRepo } from '../atproto/repo.ts'
import type { Accounts } from './accounts.ts'
import { Arrival, GRANT_BYTES } from './arrival.ts'
import type { ByteBudget } from './budget.ts'
import { asRepoFailure, RepoFailure, VERDICTS } from './classify.ts'
import type { Snapshot } from './convert.ts'
import { discard, openDownload, type Download, type DownloadContext } from './download.ts'
import { outcomeOfFailure, type HostOutcome } from './host.ts'
import type { Hosts } from './hosts.ts'
import type { Identities, Identity } from './identities.ts'
import type { BackfillerMetrics } from './metrics.ts'
import type { Settings } from './options.ts'
import { PhaseClock } from './phases.ts'

export type SnapshotContext = {
  readonly settings: Settings
  readonly metrics: BackfillerMetrics
  readonly accounts: Accounts
  readonly identities: Identities
  readonly hosts: Hosts
  readonly budget: ByteBudget
  /** No new place is taken once this aborts. */
  readonly stop: AbortSignal
  /** What is under way is abandoned when this aborts. */
  readonly abandon: AbortSignal
}

export type UseSnapshot = (snapshot: Snapshot, repo: VerifiedRepo) => Promise<void>

type Attempt = SnapshotContext & { readonly phases: PhaseClock; readonly heldAgain: boolean }

/** `heldAgain`: its host was away before, and it is not the last time that we try. */
export const withSnapshot = async (
  did: string,
  context: SnapshotContext,
  use: UseSnapshot,
  heldAgain = false,
): Promise<void> => {
  const phases = new PhaseClock()
  try {
    await findAndVisit(did, { ...context, phases, heldAgain }, use)
  } finally {
    for (const [phase, seconds] of phases.end()) context.metrics.phaseSeconds.observe({ phase }, seconds)
  }
}

const findAndVisit = async (did: string, attempt: Attempt, use: UseSnapshot): Promise<void> => {
  const { identities, stop, metrics, phases } = attempt
  phases.enter('resolve')
  const identity = await identities.find(did, stop)
  try {
    await visit(did, identity, attempt, use)
  } catch (error) {
    if (!(error instanceof RepoFailure) || identity.fresh || !mayBeStale(error, attempt)) throw error
    metrics.identityRefreshes.inc()
    phases.enter('resolve')
    const anew = await identities.refresh(did, stop)
    if (anew.pds === identity.pds && anew.signingKey === identity.signingKey) throw error
    await visit(did, anew, attempt, use)
  }
}

/** A repo comes by again and again while its host is away: the directory is not to be asked each time. */
const mayBeStale = ({ reason }: RepoFailure, { heldAgain }: Attempt): boolean =>
  VERDICTS[reason].refresh && !(heldAgain && VERDICTS[reason].reaction === 'hold')

/** At the host until it serves us: "too many requests" is waited out, by turns with its other repos. */
const visit = async (did: string, identity: Identity, attempt: Attempt, use: UseSnapshot): Promise<void> => {
  const { settings, hosts, metrics, stop, phases } = attempt
  if (identity.signingKey === null && !settings.skipSignatureVerification) {
    throw new RepoFailure('no_signing_key', 'the DID document names no #atproto key that we know')
  }
  for (;;) {
    phases.enter('wait')
    const slot = await hosts.acquire(new URL(identity.pds).host, stop)
    let outcome: HostOutcome = { kind: 'ok', waitMs: null }
    let said: string | null = null
    metrics.running.add(1)
    try {
      const since = performance.now()
      outcome = { kind: 'ok', waitMs: await fetchAndUse(did, identity, attempt, use) }
      metrics.repoSeconds.observe((performance.now() - since) / 1000)
      return
    } catch (error) {
      if (error instanceof RepoFailure) {
        outcome = outcomeOfFailure(error)
        said = `${error.reason}: ${error.message}`
      }
      if (!(error instanceof RepoFailure) || error.reason !== 'rate_limited') throw error
    } finally {
      metrics.running.add(-1)
      slot.release(outcome, said)
    }
  }
}

/** Resolves with the wait that the host named with its answer. */
const fetchAndUse = async (
  did: string,
  identity: Identity,
  attempt: Attempt,
  use: UseSnapshot,
): Promise<number | null> => {
  const { settings, budget, abandon, metrics, phases } = attempt
  const since = performance.now()
  phases.enter('fetch')
  const download = await openDownload(identity.pds, did, downloadContext(attempt))
  const lease = budget.lease(claimOf(download, settings.maxRepoBytes), abandon)
  try {
    if ((download.declaredBytes ?? 0) > settings.maxRepoBytes) await refuseLarge(download)
    const time = new Date().toISOString()
    const car = new Arrival(download, lease, phases)
    const repo = await verify(did, identity, car.chunks(), settings).catch((error: unknown) => {
      throw abandon.aborted ? error : asRepoFailure(error)
    })
    metrics.fetchSeconds.observe((performance.now() - since) / 1000)
    tellSize(repo, car.bytes, attempt)
    phases.enter('write')
    await use({ did, commit: repo.commit, rev: repo.rev, time }, repo)
    return download.hostWaitMs
  } finally {
    lease.release()
  }
}

const verify = (
  did: string,
  { signingKey }: Identity,
  car: AsyncIterable<Uint8Array>,
  { collections, skipSignatureVerification, maxRepoBytes }: Settings,
): Promise<VerifiedRepo> =>
  verifyRepo(car, {
    did,
    didKey: skipSignatureVerification ? null : signingKey,
    filter: (collection) => collections.some((filter) => matchesCollection(filter, collection)),
    maxBytes: maxRepoBytes,
  })

/** A host that declares a length is held to it; the claim of one that does not is the largest repo we take. */
const claimOf = ({ declaredBytes }: Download, maxRepoBytes: number): number =>
  declaredBytes === null
    ? maxRepoBytes
    : Math.min(maxRepoBytes, Math.ceil(declaredBytes / GRANT_BYTES) * GRANT_BYTES)

const refuseLarge = async ({ declaredBytes, chunks }: Download): Promise<never> => {
  await discard(chunks)
  throw new RepoFailure('too_large', `${declaredBytes} bytes declared`)
}

/** From here on its records are ours to account for. */
const tellSize = ({ keys }: VerifiedRepo, bytes: number, { accounts, metrics }: SnapshotContext): void => {
  accounts.records.receive(keys)
  metrics.repoRecords.observe(keys)
  metrics.repoBytes.observe(bytes)
}

const downloadContext = ({ settings, abandon, metrics }: SnapshotContext): DownloadContext => ({
  limits: {
    timeoutMs: settings.httpTimeoutMs,
    minBytesPerSecond: settings.minBytesPerSecond,
    slowAfterMs: settings.slowAfterMs,
    maxBytes: settings.maxRepoBytes,
  },
  signal: abandon,
  onAnswer: (status) => metrics.fetches.inc({ answer: answerClass(status) }),
  onBytes: (bytes) => metrics.fetchedBytes.inc(bytes),
})

const answerClass = (status: number | null) => {
  if (status === null) return 'none'
  if (status === 429) return '429'
  if (status >= 500) return '5xx'
  if (status >= 400) return '4xx'
  return status >= 300 ? '3xx' : '2xx'
}
