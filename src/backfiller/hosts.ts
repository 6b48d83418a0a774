/**
 * Politeness towards PDS hosts, and fairness between them. Owns who may fetch now: at most `concurrency` repos in all and
 * `perHost` from one host, none from a host before the time it named. A repo whose host is busy waits here without holding a
 * place, so a slow or angry host costs its own repos only. Refuses to know what is fetched.
 *
 * Limits: a host that asked for a wait longer than `patienceMs` is not waited for here (`rate_limited`), one that does not answer
 * at most a second (`host_down`): the caller gives the entry back. What is remembered of hosts is bounded.
 */
import { RepoFailure } from './classify.ts'
import { isClean, isDown, learn, newHost, type Host, type HostOutcome } from './host.ts'

export type HostLimits = {
  readonly concurrency: number
  readonly perHost: number
  /** How long a repo waits here for a host that asked for time. */
  readonly patienceMs: number
  /** Repos have waited for so long, added up, for hosts that asked for time; told while they wait. */
  readonly onLimitedSeconds?: (seconds: number) => void
}

/** `error`: what to remember as the last error of the host. */
export type Slot = { release(outcome: HostOutcome, error?: string | null): void }

/** A host that is not asked at the moment. */
export type HeldHost = {
  readonly name: string
  readonly why: Host['why']
  readonly answeredAt: number | null
  readonly failures: number
  readonly lastError: string | null
}

type Waiter = {
  readonly name: string
  readonly since: number
  readonly grant: () => void
  readonly refuse: (error: Error) => void
}

/**
 * Long enough that a queue with nothing but repos of dead hosts does not spin, short enough that these repos do not keep others
 * from the window.
 */
const DOWN_PATIENCE_MS = 1_000
const TELL_EVERY_MS = 1_000
const MAX_REMEMBERED = 10_000

export class Hosts {
  readonly #limits: HostLimits
  readonly #hosts = new Map<string, Host>()
  #waiters: Waiter[] = []
  #running = 0
  #timer: NodeJS.Timeout | undefined
  /** Waiters for hosts that asked for time, since when they have not been told of. */
  #limited = 0
  #toldAt = 0

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

  /** The held hosts of the most failures first. */
  heldHosts(max: number): readonly HeldHost[] {
    const now = Date.now()
    return [...this.#hosts]
      .filter(([, host]) => host.notBefore > now)
      .map(([name, { why, answeredAt, away, limited, lastError }]) => {
        return { name, why, answeredAt, failures: away + limited, lastError }
      })
      .toSorted((a, b) => b.failures - a.failures)
      .slice(0, max)
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
        reject(abortError(signal))
        this.#pump()
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
      release: (outcome, error = null) => {
        if (released) return
        released = true
        host.running--
        this.#running--
        learn(host, outcome, error)
        this.#forget()
        this.#pump()
      },
    }
  }

  #host(name: string): Host {
    let host = this.#hosts.get(name)
    if (host === undefined) {
      host = newHost()
      this.#hosts.set(name, host)
    }
    return host
  }

  /** Grants in order of arrival, passing over those whose host is busy. */
  #pump(): void {
    clearTimeout(this.#timer)
    const now = Date.now()
    this.#tell(now)
    let wake = Infinity
    const left: Waiter[] = []
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) {
      const again = this.#decide(waiter, now)
      if (again === null) continue
      wake = Math.min(wake, again)
      left.push(waiter)
    }
    this.#waiters.unshift(...left)
    if (this.#limited > 0) wake = Math.min(wake, now + TELL_EVERY_MS)
    if (wake < Infinity) this.#timer = setTimeout(() => this.#pump(), Math.max(1, wake - now))
  }

  /** Null when the waiter was granted or refused; otherwise when to look again, Infinity when something must happen first. */
  #decide(waiter: Waiter, now: number): number | null {
    const host = this.#host(waiter.name)
    const down = isDown(host)
    // While one repo tries a host that is down, nobody knows for how long.
    const freeAt = down && host.running > 0 ? Infinity : host.notBefore
    const patience = waiter.since + Math.min(this.#limits.patienceMs, down ? DOWN_PATIENCE_MS : Infinity)
    if (freeAt > patience && patience <= now) {
      const why = down ? 'host_down' : host.why
      waiter.refuse(new RepoFailure(why, WHY[why]))
      return null
    }
    if (freeAt > now) {
      if (!down) this.#limited++
      return Math.min(patience, freeAt)
    }
    if (this.#running >= this.#limits.concurrency || host.running >= this.#allowed(host)) return Infinity
    waiter.grant()
    return null
  }

  #tell(now: number): void {
    if (this.#limited > 0) this.#limits.onLimitedSeconds?.((this.#limited * (now - this.#toldAt)) / 1000)
    this.#limited = 0
    this.#toldAt = now
  }

  #allowed(host: Host): number {
    return isDown(host) || host.limited > 0 ? 1 : this.#limits.perHost
  }

  /** Hosts in good standing are forgotten at once; of the others the oldest, when a hostile network names too many. */
  #forget(): void {
    const now = Date.now()
    for (const [name, host] of this.#hosts) {
      const idle = host.running === 0
      if (idle && (isClean(host, now) || this.#hosts.size > MAX_REMEMBERED)) this.#hosts.delete(name)
    }
  }
}

const WHY: Readonly<Record<Host['why'], string>> = {
  rate_limited: 'the host asked for more time than we wait',
  host_down: 'the host does not answer',
}

const abortError = (signal: AbortSignal): Error =>
  signal.reason instanceof Error ? signal.reason : new Error('aborted')
