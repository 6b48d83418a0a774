/**
 * Whether the ingester moves. Pure: the state of its upstreams and of the store in, a verdict with its reasons out. `live` fails
 * only when a loop has stopped turning, which a restart may cure; `ready` fails while an upstream or the store gives nothing.
 */
import type { Health } from '../monitoring/status.ts'
import { secondsSince, type Upstream } from './upstream.ts'

export type HealthFacts = {
  readonly running: boolean
  readonly upstreams: readonly Upstream[]
  /** null: a relay may be silent for any time (labelers). Milliseconds without data after which a relay counts as silent. */
  readonly silenceMs: number
  readonly storeFailingSinceMs: number | null
  readonly storeError: string | null
}

/** Every loop turns at least this often: the longest wait is the reconnect's 60 s, or the idle limit of its upstream. */
const STALLED_MS = 5 * 60_000
/** A store or an upstream that is back within this was never worth a word. */
const GRACE_MS = 60_000

export const healthOf = (facts: HealthFacts): Health => {
  const stalled = facts.upstreams.filter(isStalled).map(stallSentence)
  const reasons = [
    ...stalled,
    ...(facts.running ? [] : ['The ingester is not running.']),
    ...storeReasons(facts),
    ...facts.upstreams.flatMap((upstream) => silenceReasons(upstream, facts.silenceMs)),
  ]
  return { live: stalled.length === 0, ready: reasons.length === 0, reasons }
}

/** A quiet socket, back-pressure and a finished list are states that may last; a loop in any other state must turn. */
const isStalled = ({ state, movedAtMs }: Upstream): boolean =>
  (state === 'connecting' || state === 'waiting') && Date.now() - movedAtMs > STALLED_MS

const stallSentence = ({ kind, host, movedAtMs }: Upstream): string =>
  `The ${kind} loop of ${host} has not turned for ${Math.round(secondsSince(movedAtMs) ?? 0)} seconds.`

const storeReasons = ({ storeFailingSinceMs, storeError }: HealthFacts): string[] => {
  const seconds = secondsSince(storeFailingSinceMs)
  if (seconds === null) return []
  return [`The store has not taken anything for ${Math.round(seconds)} seconds: ${storeError ?? 'unknown'}.`]
}

const silenceReasons = (upstream: Upstream, silenceMs: number): string[] => {
  const { kind, host, state, lastDataMs, startedAtMs, lastError } = upstream
  if (state === 'paused' || state === 'done' || state === 'stopped') return []
  const silentMs = Date.now() - (lastDataMs ?? startedAtMs)
  const why = lastError === null ? '' : ` Last error: ${lastError}.`
  // A labeler on an open socket may rightly say nothing; one that cannot be reached may not.
  const limitMs = kind === 'labels' && state === 'live' ? Infinity : silenceMs + GRACE_MS
  if (silentMs <= limitMs) return []
  return [`${host} has given no ${kind} data for ${Math.round(silentMs / 1000)} seconds.${why}`]
}
