/**
 * What is known of one host: how its last fetches ended, and until when it is left alone. Pure but for the clock. A wait that the
 * host named is never cut short by jitter, only lengthened. Refuses to know who waits for it.
 */
import { backoffMs, jitter } from '../lib/backoff.ts'
import type { RepoFailure } from './classify.ts'

/**
 * How a fetch ended, as far as its host is concerned. `waitMs`: the wait it named, null when it named none (with `ok`: this
 * was the last one its window allows).
 */
export type HostOutcome =
  | { readonly kind: 'ok'; readonly waitMs: number | null }
  | { readonly kind: 'limited'; readonly waitMs: number | null }
  | { readonly kind: 'away' }

export type Host = {
  running: number
  /** Consecutive answers "too many requests", and consecutive failures to get any answer. */
  limited: number
  away: number
  notBefore: number
  why: 'rate_limited' | 'host_down'
  /** When it last answered as it should; null when it has not since we remember it. */
  answeredAt: number | null
  lastError: string | null
}

const LIMITED = { initialMs: 1_000, maxMs: 60_000 }
const AWAY = { initialMs: 2_000, maxMs: 300_000 }
/** One failure to connect may be a blip; from this many in a row on, one repo at a time tries the host. */
const AWAY_AFTER = 3
const MAX_NAMED_WAIT_MS = 3_600_000

export const newHost = (): Host => ({
  running: 0,
  limited: 0,
  away: 0,
  notBefore: 0,
  why: 'rate_limited',
  answeredAt: null,
  lastError: null,
})

export const isDown = (host: Host): boolean => host.away >= AWAY_AFTER

/** Of a host in good standing there is nothing to remember. */
export const isClean = (host: Host, now: number): boolean =>
  host.away === 0 && host.limited === 0 && host.notBefore <= now

/** What a failed fetch says of the host, not of the repo. */
export const outcomeOfFailure = ({ reason, retryAfterMs }: RepoFailure): HostOutcome => {
  if (reason === 'rate_limited') return { kind: 'limited', waitMs: retryAfterMs ?? null }
  if (reason === 'http_5xx' && retryAfterMs !== undefined) return { kind: 'limited', waitMs: retryAfterMs }
  if (reason === 'unreachable' || reason === 'timeout') return { kind: 'away' }
  return { kind: 'ok', waitMs: null }
}

/** What the end of a fetch tells about its host. */
export const learn = (host: Host, outcome: HostOutcome, error: string | null): void => {
  const now = Date.now()
  if (error !== null) host.lastError = error
  switch (outcome.kind) {
    case 'ok':
      host.limited = 0
      host.away = 0
      host.answeredAt = now
      if (outcome.waitMs !== null) hold(host, now + spread(outcome.waitMs), 'rate_limited')
      return
    case 'limited': {
      host.limited++
      host.away = 0
      // Also the floor of a named wait: a host that says "too many, come back in 0 seconds" is not to be hammered.
      const own = jitter(backoffMs(host.limited, LIMITED))
      return hold(host, now + Math.max(own, spread(outcome.waitMs ?? 0)), 'rate_limited')
    }
    case 'away':
      host.away++
      if (isDown(host)) hold(host, now + jitter(backoffMs(host.away - AWAY_AFTER + 1, AWAY)), 'host_down')
  }
}

const hold = (host: Host, until: number, why: Host['why']): void => {
  if (until <= host.notBefore) return
  host.notBefore = until
  host.why = why
}

const spread = (waitMs: number): number => {
  const bounded = Math.min(waitMs, MAX_NAMED_WAIT_MS)
  return bounded + Math.random() * Math.min(1_000, bounded / 10)
}
