/** What the indexer says of itself: readings for its gauges, its status, its health. Health means progress, not mere life. */
import { DatabaseFacts } from './database-facts.ts'
import type { Readings } from './metrics.ts'
import {
  ProblemList,
  type Health,
  type ServiceStatus,
  type StatusSource,
  type StreamStatus,
} from '../monitoring/status.ts'
import type { Log } from '../stream/log.ts'
import type { IndexerOptions } from './options.ts'

export type State = {
  readonly readings: Readings
  busy(by: 1 | -1): void
  /** Nothing can be done until it is over: not ready. */
  outage(what: string, todo: string): void
  /** An operator should know; the work goes on. */
  problem(what: string, todo: string): void
  progress(): void
  count(events: number): void
  stopped(): void
  source(): StatusSource
}

/** A batch that is not committed for this long means that nothing moves any more. */
const STUCK_MS = 120_000
const FAILURE_MS = 40_000

/** What has happened lately, as the loops tell it. */
class Activity {
  readonly startedAt = new Date().toISOString()
  readonly problems = new ProblemList()
  active = 0
  processed = 0
  running = true
  #lastProgress = Date.now()
  #failure = { what: '', at: 0 }

  /** Failures are told again with every attempt: one that is not told any more is over. */
  get failing(): string | null {
    return Date.now() - this.#failure.at < FAILURE_MS ? this.#failure.what : null
  }

  get idleMs(): number {
    return Date.now() - this.#lastProgress
  }

  get stuck(): boolean {
    return this.active > 0 && this.idleMs > STUCK_MS
  }

  busy(by: 1 | -1): void {
    if (this.active === 0) this.#lastProgress = Date.now()
    this.active += by
  }

  fail(what: string, todo: string): void {
    this.#failure = { what, at: Date.now() }
    this.problems.add('error', what, todo)
  }

  progress(): void {
    this.#lastProgress = Date.now()
    this.#failure = { what: '', at: 0 }
  }
}

export const createState = (options: IndexerOptions, streams: readonly string[]): State => {
  const { log, pool, group } = options
  const activity = new Activity()
  const facts = new DatabaseFacts(pool, options.factsEveryMs)
  const sum = async (figure: (stream: string) => Promise<number>) =>
    (await Promise.all(streams.map(figure))).reduce((total, one) => total + one, 0)
  return {
    readings: {
      pending: () => sum(async (stream) => (await log.groupStats(stream, group)).pending),
      queueLength: () => sum(async (stream) => (await log.streamStats(stream)).length),
      activeTasks: () => activity.active,
      pool: () => pool.stats(),
      residual: () => streams.map((stream) => ({ labels: { stream }, value: 0 })),
      facts: () => facts.read(),
    },
    busy: (by) => activity.busy(by),
    outage: (what, todo) => activity.fail(what, todo),
    problem: (what, todo) => activity.problems.add('warning', what, todo),
    progress: () => activity.progress(),
    count: (events) => {
      activity.processed += events
    },
    stopped: () => {
      activity.running = false
    },
    source: () => ({
      status: async () =>
        describe(options, activity, await Promise.all(streams.map((name) => streamStatus(log, name, group)))),
      health: async () => judge(activity),
    }),
  }
}

const streamStatus = async (log: Log, stream: string, group: string): Promise<StreamStatus> => {
  const [own, shared] = await Promise.all([log.groupStats(stream, group), log.streamStats(stream)])
  const { lag, pending } = own
  const oldestAgeSeconds = shared.oldestAgeMs / 1_000
  return { stream, group, lag, pending, length: shared.length, oldestAgeSeconds, highWaterMark: null }
}

const judge = ({ running, stuck, failing, idleMs }: Activity): Health => {
  const reasons = [
    ...(stuck ? [`a batch has been under way for ${Math.round(idleMs / 1_000)} s`] : []),
    ...(failing === null ? [] : [failing]),
    ...(running ? [] : ['the indexer has stopped']),
  ]
  return { live: !stuck || failing !== null, ready: reasons.length === 0, reasons }
}

const describe = (
  options: IndexerOptions,
  activity: Activity,
  streams: readonly StreamStatus[],
): ServiceStatus => ({
  service: 'indexer',
  version: options.version,
  store: options.log.kind,
  startedAt: activity.startedAt,
  upstreams: [
    {
      kind: 'database',
      host: 'PostgreSQL',
      state: activity.failing ? 'waiting' : activity.running ? 'live' : 'stopped',
      cursor: null,
      secondsSinceData: activity.idleMs / 1_000,
      reconnects: 0,
      lastError: activity.failing,
    },
  ],
  streams,
  totals: { 'events indexed': activity.processed },
  problems: activity.problems.list(),
})
