/** What becomes of events: how fresh their rows are, what each came to, which tables were written, whether all is accounted for. */
import { NETWORK_TABLES } from '../db/schema/appview.ts'
import type { MetricSpec, Reading } from '../monitoring/metrics.ts'

/** What an event came to. */
export const RESULTS = ['applied', 'stale', 'repeated', 'unchanged', 'dropped'] as const
export type Result = (typeof RESULTS)[number]

export const COUNTED_TYPES = ['create', 'update', 'delete', 'repo', 'account', 'identity', 'label'] as const
export type CountedType = (typeof COUNTED_TYPES)[number]

export const ROW_OUTCOMES = ['written', 'stale', 'unchanged'] as const

/** From a network's latency to a night's outage; 30 s is the objective, so it is a bound. */
export const AGE_SECONDS = [0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200, 43_200]

export type FlowReadings = { readonly residual: () => Reading }

export const flow = (read: FlowReadings, streams: readonly string[]) => ({
  ...freshness(streams),
  ...results(),
  residual: {
    name: 'indexer_conservation_residual',
    type: 'gauge',
    help: 'Entries delivered, less those acknowledged, dead-lettered, left pending or in flight; anything but 0 is a loss or a double count',
    cause: 'an entry that is lost or counted twice inside the indexer',
    labels: { stream: streams },
    collect: read.residual,
  } satisfies MetricSpec,
})

const freshness = (streams: readonly string[]) =>
  ({
    freshness: {
      name: 'indexer_freshness_seconds',
      type: 'histogram',
      help: 'From the time of an event (of its append, when a backfill brought it) to its commit, per change that was applied; never below 0',
      cause: 'a batch was committed that changed records or labels',
      labels: { stream: streams },
      buckets: AGE_SECONDS,
    },
    appendToCommit: {
      name: 'indexer_append_to_commit_seconds',
      type: 'histogram',
      help: 'From the append of an entry to the commit of its batch, by the time in the id of the entry; never below 0',
      cause: 'a batch was committed',
      labels: { stream: streams },
      buckets: AGE_SECONDS,
    },
    lastCommit: {
      name: 'indexer_last_commit_time_seconds',
      type: 'gauge',
      help: 'When a batch of the stream was last committed by this process, Unix time; 0 before the first',
      cause: 'a batch was committed',
      labels: { stream: streams },
    },
    clockSkew: {
      name: 'indexer_clock_skew_events_total',
      type: 'counter',
      help: 'Applied changes whose event time lies more than 2 s ahead of our clock: their freshness counts as 0',
      cause: 'an event from a clock that is ahead of ours',
    },
  }) as const satisfies Record<string, MetricSpec>

const results = () =>
  ({
    results: {
      name: 'indexer_event_results_total',
      type: 'counter',
      help: 'Events dealt with, by type and by what they came to; for each type the results add up to its events',
      cause: 'an event (for label: a label) in a committed batch',
      labels: { type: COUNTED_TYPES, result: RESULTS },
    },
    rows: {
      name: 'indexer_rows_total',
      type: 'counter',
      help: 'Rows of the tables of the AppView: written (inserted, updated, deleted; counted at COMMIT), or left because what is stored is newer (stale) or the same (unchanged)',
      cause: 'a committed batch',
      labels: { table: NETWORK_TABLES, outcome: ROW_OUTCOMES },
    },
  }) as const satisfies Record<string, MetricSpec>
