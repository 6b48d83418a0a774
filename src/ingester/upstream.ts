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
