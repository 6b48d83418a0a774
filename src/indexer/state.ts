/** What the indexer says of itself: readings for its gauges, its status, its health. Health means progress, not mere life. */
import type { Registry } from '@prometheus-io/client'
import type { StreamWatch } from '../stream/watch.ts'
import { DatabaseFacts, type Facts } from './database-facts.ts'
import { EntryAccount } from './entry-account.ts'
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
import { readTotals } from './totals.ts'

export type State = {
  readonly readings: Readings
  busy(by: 1 | -1): void
  /** Nothing can be done until it is over: not ready. */
  outage(what: string, todo: string): void
  /** An operator should know; the work goes on. */
  problem(what: string, todo: string): void
  progress(): void
  /** Of the entries of one stream. */
  account(stream: string): EntryAccount
  stopped(): void
  /** `registry` holds the totals: what the status says is what the metrics say. */
  source(registry: Registry): StatusSource
}

/** A batch that is not committed for this long means that nothing moves any more. */
const STUCK_MS = 120_000
const FAILURE_MS = 40_000

/** What has happened lately, as the loops tell it. */
class Activity {
  readonly startedAt = new Date().toISOString()
  readonly problems = new ProblemList()
  active = 0
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

export const createState = (
  options: IndexerOptions,
  streams: readonly string[],
  watch: StreamWatch,
): State => {
  const { log, pool, group } = options
  const activity = new Activity()
  const facts = new DatabaseFacts(pool, options.factsEveryMs)
  const accounts = new Map(streams.map((stream) => [stream, new EntryAccount()] as const))
  return {
    readings: {
      pending: async () => total((await watch.streams()).map(({ pending }) => pending)),
      queueLength: async () => total((await watch.streams()).map(({ entries }) => entries)),
      activeTasks: () => activity.active,
      pool: () => pool.stats(),
      residual: () =>
        [...accounts].map(([stream, { ledger }]) => ({ labels: { stream }, value: ledger.residual() })),
      streams: watch.streams,
      store: watch.store,
      facts: () => facts.read(),
    },
    busy: (by) => activity.busy(by),
    outage: (what, todo) => activity.fail(what, todo),
    problem: (what, todo) => activity.problems.add('warning', what, todo),
    progress: () => activity.progress(),
    account: (stream) => accounts.get(stream) ?? new EntryAccount(),
    stopped: () => {
      activity.running = false
    },
    source: (registry) => ({
      status: async () =>
        describe(options, activity, {
          streams: await Promise.all(streams.map((name) => streamStatus(log, name, group))),
          totals: await readTotals(registry),
          facts: await facts.read(),
        }),
      health: async () => judge(activity),
    }),
  }
}

const total = (figures: readonly number[]): number => figures.reduce((sum, figure) => sum + figure, 0)

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

/** The look-ups that wait in the database, listed like a stream: they have a length and an age. */
const identityQueue = ({ up, identityQueue, identityOldestSeconds }: Facts): StreamStatus[] =>
  up === 0
    ? []
    : [
        {
          stream: 'identity look-ups',
          length: identityQueue,
          oldestAgeSeconds: identityOldestSeconds,
          highWaterMark: null,
          group: null,
          lag: null,
          pending: null,
        },
      ]

type Figures = {
  readonly streams: readonly StreamStatus[]
  readonly totals: Readonly<Record<string, number>>
  readonly facts: Facts
}

const describe = (
  options: IndexerOptions,
  activity: Activity,
  { streams, totals, facts }: Figures,
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
  streams: [...streams, ...identityQueue(facts)],
  totals,
  problems: activity.problems.list(),
})
