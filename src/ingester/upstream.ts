/** What one upstream is doing, for /status, health and the ages among the metrics. Told by the parts; decides nothing. */
import type { UpstreamStatus } from '../monitoring/status.ts'

type State = UpstreamStatus['state']

export class Upstream {
  readonly kind: 'firehose' | 'labels' | 'repos'
  readonly host: string
  readonly startedAtMs = Date.now()
  reconnects = 0
  lastError: string | null = null
  /** Declared time of its last event, milliseconds since 1970. */
  lastEventMs: number | null = null
  lastDataMs: number | null = null
  /** Last sequence number received. */
  lastSeq: number | null = null
  /** Its loop turns: from the start of the service to its stop. */
  running = false
  cursor: string | null = null
  cursorSavedMs: number | null = null
  /** The last sign that its loop turns: data, a change of state, an attempt. */
  movedAtMs = Date.now()
  #state: State = 'connecting'
  #paused = false

  constructor(kind: Upstream['kind'], host: string) {
    this.kind = kind
    this.host = host
  }

  get state(): State {
    return this.#paused ? 'paused' : this.#state
  }

  /** A socket is open; null for an upstream without one. */
  get connected(): boolean | null {
    return this.kind === 'repos' ? null : this.#state === 'live'
  }

  /** The saved cursor when it is a sequence number. */
  get cursorSeq(): number | null {
    return this.kind === 'repos' || this.cursor === null ? null : Number(this.cursor)
  }

  enter(state: State): void {
    this.#state = state
    this.moved()
  }

  /** Back-pressure: the upstream may be well, we do not read. */
  pause(paused: boolean): void {
    this.#paused = paused
    this.moved()
  }

  moved(): void {
    this.movedAtMs = Date.now()
  }

  gotData(): void {
    this.lastDataMs = this.movedAtMs = Date.now()
  }

  saved(cursor: string): void {
    this.cursor = cursor
    this.cursorSavedMs = this.movedAtMs = Date.now()
  }

  failed(error: string): void {
    this.lastError = error
    this.moved()
  }

  status(): UpstreamStatus {
    const { kind, host, state, cursor, reconnects, lastError } = this
    return {
      kind,
      host,
      state,
      cursor,
      secondsSinceData: secondsSince(this.lastDataMs),
      reconnects,
      lastError,
    }
  }
}

export const secondsSince = (timeMs: number | null): number | null =>
  timeMs === null ? null : Math.max(0, (Date.now() - timeMs) / 1000)
