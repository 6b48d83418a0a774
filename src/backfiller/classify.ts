/**
 * Every way in which one repo can fail, and what we do about it: one table. Owns the closed set of reasons and the reaction to
 * each; guarantees that anything a network can hand us has a reason. Knows nothing of streams, counters or timers.
 */

import { CarError, type CarErrorReason } from '../atproto/car.ts'
import { MstError } from '../atproto/mst.ts'
import { RepoError } from '../atproto/repo.ts'
import { describeError } from '../lib/errors.ts'

export const FAILURE_REASONS = [
  'did_not_found',
  'did_tombstoned',
  'did_unsupported',
  'did_document_invalid',
  'did_unavailable',
  'no_pds',
  'no_signing_key',
  'host_down',
  'unreachable',
  'timeout',
  'interrupted',
  'too_slow',
  'rate_limited',
  'http_3xx',
  'http_4xx',
  'http_5xx',
  'not_a_car',
  'repo_not_found',
  'repo_deactivated',
  'repo_takendown',
  'repo_suspended',
  'too_large',
  'truncated_car',
  'bad_car',
  'cid_mismatch',
  'missing_block',
  'bad_mst',
  'bad_commit',
  'did_mismatch',
  'bad_signature',
  'unexpected',
] as const

export type FailureReason = (typeof FAILURE_REASONS)[number]

/**
 * - `skip`: there is nothing to fetch and never will be under this entry; acknowledge it and count why.
 * - `retry`: leave it pending; it comes back after its backoff and goes to the dead letters when its deliveries are used up.
 * - `bury`: no attempt can succeed with the present settings; to the dead letters at once, for the operator.
 * - `wait`: the host asked us to come back later; the entry is innocent, so no delivery is used up.
 * - `hold`: the host (or the directory) gives no answer; as `wait`, but not for ever: some hosts never come back.
 */
export type Reaction = 'skip' | 'retry' | 'bury' | 'wait' | 'hold'

/** Account states that the indexer must hear of; others say nothing about the account. */
export type InactiveStatus = 'deactivated' | 'takendown' | 'suspended'

export type Verdict = {
  readonly reaction: Reaction
  /**
   * The DID document we had may be why (an account that moved, a rotated key): before the reaction, resolve it anew once, and
   * start over when it differs.
   */
  readonly refresh: boolean
  /** Which stage failed; null when nothing failed but there is nothing to do. */
  readonly stage: 'identity' | 'fetch' | 'parse' | 'verification' | null
  readonly account: InactiveStatus | null
}

const retry = (stage: Verdict['stage'], refresh = false): Verdict => ({
  reaction: 'retry',
  refresh,
  stage,
  account: null,
})
const skip = (account: InactiveStatus | null = null, refresh = false): Verdict => ({
  reaction: 'skip',
  refresh,
  stage: null,
  account,
})

const hold = (stage: 'identity' | 'fetch', refresh = false): Verdict => ({
  ...retry(stage, refresh),
  reaction: 'hold',
})

/** The table. Its tests walk every line of it. */
export const VERDICTS: Readonly<Record<FailureReason, Verdict>> = {
  did_not_found: skip(),
  did_tombstoned: skip(),
  did_unsupported: skip(),
  no_pds: skip(null, true),
  did_document_invalid: retry('identity'),
  did_unavailable: hold('identity'),
  no_signing_key: retry('identity', true),
  // A host that is away may have been left for another one: an account moves, our cache holds the old address for a day.
  host_down: hold('fetch', true),
  unreachable: hold('fetch', true),
  timeout: hold('fetch'),
  interrupted: retry('fetch'),
  too_slow: retry('fetch'),
  rate_limited: { reaction: 'wait', refresh: false, stage: 'fetch', account: null },
  http_3xx: retry('fetch', true),
  http_4xx: retry('fetch', true),
  http_5xx: retry('fetch'),
  not_a_car: retry('fetch', true),
  // The old PDS of a migrated account says these too: its word counts only when the document still names that PDS.
  repo_not_found: skip(null, true),
  repo_deactivated: skip('deactivated', true),
  repo_takendown: skip('takendown', true),
  repo_suspended: skip('suspended', true),
  too_large: { reaction: 'bury', refresh: false, stage: 'fetch', account: null },
  truncated_car: retry('fetch'),
  bad_car: retry('parse'),
  cid_mismatch: retry('parse'),
  missing_block: retry('parse'),
  bad_mst: retry('parse'),
  bad_commit: retry('parse'),
  did_mismatch: retry('verification', true),
  bad_signature: retry('verification', true),
  unexpected: retry('parse'),
}

/** Whether anybody was asked for the repo. A host that is left alone has refused nothing. */
export const isAttempt = (reason: FailureReason): boolean =>
  reason !== 'host_down' && reason !== 'rate_limited'

/** Reasons that end as a skip: the values of the label of the skip counter. */
export const SKIP_REASONS: readonly FailureReason[] = FAILURE_REASONS.filter(
  (reason) => VERDICTS[reason].reaction === 'skip',
)

/** What a PDS calls the states of a repo: error names of `getRepo`, then `status` values of `getRepoStatus`. */
const REPO_STATES: Readonly<Record<string, FailureReason>> = {
  RepoNotFound: 'repo_not_found',
  RepoDeactivated: 'repo_deactivated',
  RepoTakendown: 'repo_takendown',
  RepoSuspended: 'repo_suspended',
  deactivated: 'repo_deactivated',
  takendown: 'repo_takendown',
  suspended: 'repo_suspended',
  deleted: 'repo_not_found',
}

export const classifyRepoState = (name: string | null): FailureReason | null =>
  name !== null && Object.hasOwn(REPO_STATES, name) ? (REPO_STATES[name] ?? null) : null

/** The reason in an answer to `getRepo`; null when it is a CAR. `error` is the XRPC error name of its body, if any. */
export const classifyAnswer = (answer: {
  readonly status: number
  readonly contentType: string | null
  readonly error: string | null
}): FailureReason | null => {
  const { status, contentType, error } = answer
  if (status === 200) return isText(contentType) ? 'not_a_car' : null
  if (status === 429) return 'rate_limited'
  if (status >= 500) return 'http_5xx'
  if (status >= 400) return classifyRepoState(error) ?? 'http_4xx'
  return status >= 300 ? 'http_3xx' : 'not_a_car'
}

/** A web page or a JSON document where a CAR was asked for: a proxy or a wrong address answers. */
const isText = (contentType: string | null): boolean =>
  contentType !== null && /^(text\/|application\/json)/i.test(contentType.trim())

/** One repo could not be had. `retryAfterMs`: the wait that the host named, if it named one. */
export class RepoFailure extends Error {
  override readonly name = 'RepoFailure'
  readonly reason: FailureReason
  readonly retryAfterMs: number | undefined

  constructor(
    reason: FailureReason,
    message: string,
    options: { cause?: unknown; retryAfterMs?: number | undefined } = {},
  ) {
    super(message, { cause: options.cause })
    this.reason = reason
    this.retryAfterMs = options.retryAfterMs
  }
}

/** What a repo that arrived is found to be, in our words. Anything that is none of the protocol's errors is ours: `unexpected`. */
export const asRepoFailure = (error: unknown): RepoFailure => {
  if (error instanceof RepoFailure) return error
  const reason = error instanceof RepoError ? repoReason(error) : 'unexpected'
  return new RepoFailure(reason, describeError(error), { cause: error })
}

const repoReason = ({ reason, cause }: RepoError): FailureReason => {
  switch (reason) {
    case 'car':
      return cause instanceof CarError ? CAR_REASONS[cause.reason] : 'bad_car'
    case 'mst':
      return cause instanceof MstError && cause.reason === 'missing_node' ? 'missing_block' : 'bad_mst'
    case 'missing_record':
      return 'missing_block'
    case 'commit':
      return 'bad_commit'
    case 'too_large':
    case 'did_mismatch':
    case 'bad_signature':
      return reason
  }
}

const CAR_REASONS: Readonly<Record<CarErrorReason, FailureReason>> = {
  truncated: 'truncated_car',
  bad_header: 'bad_car',
  bad_cid: 'bad_car',
  cid_mismatch: 'cid_mismatch',
  too_large: 'too_large',
}
