/**
 * Politeness towards PDS hosts, and fairness between them. Owns who may fetch now: at most `concurrency` repos in all and
 * `perHost` from one host, none from a host before the time it named. A repo whose host is busy waits here without holding a
 * place, so a slow or angry host costs its own repos only. Refuses to know what is fetched.
 *
 * Limits: a host that asked for a wait longer than `patienceMs` is not waited for here (`rate_limited`, `host_down`): the caller
 * gives the entry back. What is remembered of hosts is bounded.
 */
import { backoffMs, jitter } from '../lib/backoff.ts'
import { RepoFailure } from './classify.ts'

export type HostLimits = {
  readonly concurrency: number
  readonly perHost: number
  /** How long a repo waits here for a host that asked for time or is away. */
  readonly patienceMs: number
}

/**
 * How a fetch ended, as far as its host is concerned. `waitMs`: the wait it named, null when it named none (with `ok`: this
 * was the last one its window allows).
 */
export type HostOutcome =
  | { readonly kind: 'ok'; readonly waitMs: number | null }
  | { readonly kind: 'limited'; readonly waitMs: number | null }
  | { readonly kind: 'away' }

export type Slot = { release(outcome: HostOutcome): void }

type Host = {
  running: number
  /** Consecutive answers "too many requests" without a time, and consecutive failures to connect. */
  limited: number
  away: number
  notBefore: number
  why: 'rate_limited' | 'host_down'
}

type Waiter = {
  readonly name: string
  readonly since: number
  readonly grant: () => void
  readonly refuse: (error: Error) => void
}

const LIMITED = { initialMs: 1_000, maxMs: 60_000 }
const AWAY = { initialMs: 2_000, maxMs: 300_000 }
/** One failure to connect may be a blip; from this many in a row on, one repo at a time tries the host. */
const AWAY_AFTER = 3
const MAX_NAMED_WAIT_MS = 3_600_000
const MAX_REMEMBERED = 10_000

export class Hosts {
  readonly #limits: HostLimits
  readonly #hosts = new Map<string, Host>()
  #waiters: Waiter[] = []
  #running = 0
  #timer: NodeJS.Timeout | undefined

  constructor(limits: HostLimits) {
    this.#limits = limits
  }

  get running(): number {
    return this.#running
  }

  get waiting(): number {
    return this.#waiters.length
  }

  /** Hosts that may not be asked at the moment. */
  get held(): number {
    const now = Date.now()
    let held = 0
    for (const host of this.#hosts.values()) if (host.notBefore > now) held++
    return held
  }

  /** Resolves when a fetch from this host may begin. Rejects with RepoFailure when the host's wait exceeds our patience. */
  acquire(name: string, signal: AbortSignal): Promise<Slot> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(abortError(signal))
      const settle = () => signal.removeEventListener('abort', abandon)
      const waiter: Waiter = {
        name,
        since: Date.now(),
        grant: () => (settle(), resolve(this.#slot(name))),
        refuse: (error) => (settle(), reject(error)),
      }
      const abandon = () => {
        this.#waiters = this.#waiters.filter((other) => other !== waiter)
        if (this.#waiters.length === 0) clearTimeout(this.#timer)
        reject(abortError(signal))
      }
      signal.addEventListener('abort', abandon, { once: true })
      this.#waiters.push(waiter)
      this.#pump()
    })
  }

  #slot(name: string): Slot {
    const host = this.#host(name)
    host.running++
    this.#running++
    let released = false
    return {
      release: (outcome) => {
        if (released) return
        released = true
        host.running--
        this.#running--
        learn(host, outcome)
        this.#forget()
        this.#pump()
      },
    }
  }

  #host(name: string): Host {
    let host = this.#hosts.get(name)
    if (host === undefined) {
      host = { running: 0, limited: 0, away: 0, notBefore: 0, why: 'rate_limited' }
      this.#hosts.set(name, host)
    }
    return host
  }

  /** Grants in order of arrival, passing over those whose host is busy. */
  #pump(): void {
    clearTimeout(this.#timer)
    const now = Date.now()
    let wake = Infinity
    const left: Waiter[] = []
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) {
      const host = this.#host(waiter.name)
      const patience = waiter.since + this.#limits.patienceMs
      if (host.notBefore > patience) {
        if (patience <= now || host.why === 'host_down') {
          waiter.refuse(new RepoFailure(host.why, 'the host asked for more time than we wait'))
          continue
        }
        wake = Math.min(wake, patience)
      } else if (host.notBefore > now) {
        wake = Math.min(wake, host.notBefore)
      } else if (this.#running < this.#limits.concurrency && host.running < this.#allowed(host)) {
        waiter.grant()
        continue
      }
      left.push(waiter)
    }
    this.#waiters.unshift(...left)
    if (wake < Infinity) this.#timer = setTimeout(() => this.#pump(), Math.max(1, wake - now))
  }

  #allowed(host: Host): number {
    return host.away >= AWAY_AFTER || host.limited > 0 ? 1 : this.#limits.perHost
  }

  /** Hosts in good standing are forgotten at once; of the others the oldest, when a hostile network names too many. */
  #forget(): void {
    const now = Date.now()
    for (const [name, host] of this.#hosts) {
      const idle = host.running === 0
      const clean = host.away === 0 && host.limited === 0 && host.notBefore <= now
      if (idle && (clean || this.#hosts.size > MAX_REMEMBERED)) this.#hosts.delete(name)
    }
  }
}

/** What a failed fetch says of the host, not of the repo. */
export const outcomeOfFailure = ({ reason, retryAfterMs }: RepoFailure): HostOutcome => {
  if (reason === 'rate_limited') return { kind: 'limited', waitMs: retryAfterMs ?? null }
  if (reason === 'http_5xx' && retryAfterMs !== undefined) return { kind: 'limited', waitMs: retryAfterMs }
  if (reason === 'unreachable' || reason === 'timeout') return { kind: 'away' }
  return { kind: 'ok', waitMs: null }
}

/** What the end of a fetch tells about its host. A wait is never cut short by jitter, only lengthened. */
const learn = (host: Host, outcome: HostOutcome): void => {
  const now = Date.now()
  switch (outcome.kind) {
    case 'ok':
      host.limited = 0
      host.away = 0
      if (outcome.waitMs !== null) hold(host, now + spread(outcome.waitMs), 'rate_limited')
      return
    case 'limited': {
      host.limited++
      // Also the floor of a named wait: a host that says "too many, come back in 0 seconds" is not to be hammered.
      const own = jitter(backoffMs(host.limited, LIMITED))
      return hold(host, now + Math.max(own, spread(outcome.waitMs ?? 0)), 'rate_limited')
    }
    case 'away':
      host.away++
      if (host.away >= AWAY_AFTER)
        hold(host, now + jitter(backoffMs(host.away - AWAY_AFTER + 1, AWAY)), 'host_down')
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

const abortError = (signal: AbortSignal): Error =>
  signal.reason instanceof Error ? signal.reason : new Error('aborted')
