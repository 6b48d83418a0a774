/**
 * What a service says of itself beyond numbers: the state of its upstreams, its streams, and its last problems in words. Served
 * as JSON at `/status`, drawn by the console, printed by `millrace status`.
 */

export type ServiceName = 'ingester' | 'backfiller' | 'indexer'

export type UpstreamStatus = {
  readonly kind: 'firehose' | 'labels' | 'repos' | 'database' | 'store'
  readonly host: string
  readonly state: 'connecting' | 'live' | 'waiting' | 'paused' | 'done' | 'stopped'
  /** Saved cursor, as text; null before the first. */
  readonly cursor: string | null
  /** Seconds since the last data frame or answer; null before the first. */
  readonly secondsSinceData: number | null
  readonly reconnects: number
  readonly lastError: string | null
}

export type StreamStatus = {
  readonly stream: string
  readonly length: number
  readonly oldestAgeSeconds: number
  readonly highWaterMark: number | null
  readonly group: string | null
  readonly lag: number | null
  readonly pending: number | null
}

export type Problem = {
  /** RFC 3339. */
  readonly at: string
  readonly severity: 'info' | 'warning' | 'error'
  /** What is wrong, in words for an operator. */
  readonly what: string
  /** What to do about it. */
  readonly todo: string
}

export type ServiceStatus = {
  readonly service: ServiceName
  readonly version: string
  readonly store: 'redis' | 'embedded'
  readonly startedAt: string
  readonly upstreams: readonly UpstreamStatus[]
  readonly streams: readonly StreamStatus[]
  /** Monotonic totals that a reader turns into rates, e.g. `{ eventsReceived: 12 }`. Keys are words a person can read. */
  readonly totals: Readonly<Record<string, number>>
  readonly problems: readonly Problem[]
}

/** Is the service making progress? `live` false asks for a restart; `ready` false says that it cannot work at the moment. */
export type Health = {
  readonly live: boolean
  readonly ready: boolean
  /** One sentence per reason that `live` or `ready` is false. */
  readonly reasons: readonly string[]
}

/** A service as the console sees it. `status` is null when it could not be had; `health.reasons` then says why. */
export type ServiceView = { readonly status: ServiceStatus | null; readonly health: Health }

/** What a service hands to the metrics endpoint besides its registry. */
export interface StatusSource {
  status(): Promise<ServiceStatus>
  health(): Promise<Health>
}

/** The last problems of one service, newest first, bounded; a repeated `what` moves up instead of filling the list. */
export class ProblemList {
  readonly #max: number
  #problems: Problem[] = []

  constructor(max = 20) {
    this.#max = max
  }

  add(severity: Problem['severity'], what: string, todo: string): void {
    const rest = this.#problems.filter((problem) => problem.what !== what)
    this.#problems = [{ at: new Date().toISOString(), severity, what, todo }, ...rest].slice(0, this.#max)
  }

  list(): readonly Problem[] {
    return this.#problems
  }
}
