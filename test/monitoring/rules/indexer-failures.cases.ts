/** Cases of the group `indexer`: errors, waiting, slow statements. */
import { type AlertCase, flat, type Input, jump, rise, type Samples, then } from './case.ts'

const at = (metric: string, labels = '', instance = 'x:1') =>
  `${metric}{job="rust-indexer", instance="${instance}"${labels && `, ${labels}`}}`
const JOB = 'job="rust-indexer", severity="warning"'

const both = (metric: string, samples: Samples): Input => ({
  [at(metric)]: samples,
  [at(metric, '', 'x:2')]: samples,
})

const ratio =
  (failed: string, all: string) =>
  (failures: Samples, work: Samples): Input => ({
    ...both(failed, failures),
    ...both(all, work),
  })
const errors = ratio('indexer_errors_total', 'indexer_events_processed_total')
const conflicts = ratio('indexer_db_conflicts_total', 'indexer_batch_seconds_count')

const ratios: readonly AlertCase[] = [
  {
    alert: 'IndexerErrorRatio',
    says: 'more than one failure in a hundred events, from minute 10 to 25',
    input: errors(rise(2.02, 10, 25, 40), rise(200, 0, 40, 40)),
    labels: `${JOB}, service="indexer"`,
    fires: [20, 25],
    silent: [19.75, 25.5],
  },
  {
    alert: 'IndexerErrorRatio',
    says: 'just below',
    input: errors(rise(1.98, 0, 40, 40), rise(200, 0, 40, 40)),
    silent: [30],
  },
  {
    alert: 'IndexerErrorRatio',
    says: 'ten are few',
    input: errors(rise(1, 0, 40, 40), flat(0, 40)),
    silent: [30],
  },
  {
    alert: 'IndexerErrorRatio',
    says: 'eleven are enough, and without an event all fail',
    input: errors(rise(1.04, 0, 40, 40), flat(0, 40)),
    labels: `${JOB}, service="indexer"`,
    fires: [30],
  },
  {
    alert: 'IndexerErrorRatio',
    says: 'eight in a thousand, until no event is indexed after minute 20',
    input: errors(rise(1.6, 0, 40, 40), rise(200, 0, 20, 40)),
    labels: `${JOB}, service="indexer"`,
    fires: [26.25],
    silent: [26],
  },
  {
    alert: 'DatabaseConflicts',
    says: 'one in 25, until no batch is committed after minute 20',
    input: conflicts(rise(2, 0, 50, 50), rise(50, 0, 20, 50)),
    labels: `${JOB}, service="database"`,
    fires: [31.25],
    silent: [31],
  },
  {
    alert: 'DatabaseConflicts',
    says: 'more than one in twenty, from minute 10 to 30',
    input: conflicts(rise(2.52, 10, 30, 50), rise(50, 0, 50, 50)),
    labels: `${JOB}, service="database"`,
    fires: [25, 30],
    silent: [24.75, 30.5],
  },
  {
    alert: 'DatabaseConflicts',
    says: 'just below',
    input: conflicts(rise(2.48, 0, 50, 50), rise(50, 0, 50, 50)),
    silent: [40],
  },
  {
    alert: 'DatabaseConflicts',
    says: 'five are few',
    input: conflicts(rise(0.5, 0, 50, 50), flat(0, 50)),
    silent: [40],
  },
  {
    alert: 'DatabaseConflicts',
    says: 'six are enough',
    input: conflicts(rise(0.55, 0, 50, 50), flat(0, 50)),
    labels: `${JOB}, service="database"`,
    fires: [40],
  },
]

/** Statements per minute of two indexers: the first has `slow` beyond a second, the second none. */
const statements = (slow: Samples): Input => {
  const all = rise(600, 0, 60, 60)
  const fast = all.map((value, i) => (value ?? 0) - (slow[i] ?? 0))
  const bucket = (le: string, instance: string) =>
    at('indexer_statement_seconds_bucket', `kind="post", le="${le}"`, instance)
  return {
    [bucket('0.5', 'x:1')]: fast,
    [bucket('1', 'x:1')]: fast,
    [bucket('2.5', 'x:1')]: all,
    [bucket('+Inf', 'x:1')]: all,
    ...Object.fromEntries(['0.5', '1', '2.5', '+Inf'].map((le) => [bucket(le, 'x:2'), all])),
  }
}

const database: readonly AlertCase[] = [
  {
    alert: 'DatabaseErrors',
    says: 'errors that do not stop, from minute 10 to 30; conflicts are another alert',
    input: {
      [at('indexer_db_errors_total', 'class="timeout"')]: rise(0.18, 10, 30, 40),
      [at('indexer_db_errors_total', 'class="deadlock"')]: rise(9, 0, 40, 40),
    },
    labels: 'class="timeout", severity="warning", service="database"',
    fires: [20.25, 34.75],
    silent: [20, 35],
  },
  {
    alert: 'DatabaseSlow',
    says: '1.5 % beyond a second, from minute 10 to 40',
    input: statements(rise(18, 10, 40, 60)),
    labels: 'kind="post", severity="warning", service="database"',
    fires: [23.5, 41.5],
    silent: [23.25, 41.75],
  },
  {
    alert: 'DatabaseSlow',
    says: '1 % beyond a second',
    input: statements(rise(12, 0, 60, 60)),
    silent: [40],
  },
  {
    alert: 'DatabaseSlow',
    says: '0.5 % beyond a second',
    input: statements(rise(6, 0, 60, 60)),
    silent: [40],
  },
]

const waiting: readonly AlertCase[] = [
  {
    alert: 'PoolStarved',
    says: 'one waits from minute 5 to 15, and no connection is free',
    input: {
      [at('db_pool_waiting')]: then(flat(0, 5), flat(1, 10), flat(0, 5)),
      [at('db_pool_available')]: flat(0, 20),
    },
    labels: 'job="rust-indexer", instance="x:1", severity="warning", service="database"',
    fires: [8, 14.75],
    silent: [7.75, 15],
  },
  {
    alert: 'PoolStarved',
    says: 'a connection is free until minute 5',
    input: { [at('db_pool_waiting')]: flat(1, 20), [at('db_pool_available')]: then(flat(1, 5), flat(0, 15)) },
    labels: 'job="rust-indexer", instance="x:1", severity="warning", service="database"',
    fires: [8],
    silent: [4, 7.75],
  },
]

const identities = (
  queue: Samples,
  resolved: Samples,
  failedPerMinute = 0.2,
  resolvedElsewhere = flat(0, 60),
): Input => ({
  [at('indexer_identity_queue_entries')]: queue,
  [at('indexer_identity_queue_entries', '', 'x:2')]: flat(0, 60),
  [at('indexer_identity_lookups_total', 'outcome="resolved"')]: resolved,
  [at('indexer_identity_lookups_total', 'outcome="resolved"', 'x:2')]: resolvedElsewhere,
  [at('indexer_identity_lookups_total', 'outcome="failed"')]: rise(failedPerMinute, 0, 40, 60),
  [at('indexer_identity_lookups_total', 'outcome="failed"', 'x:2')]: rise(failedPerMinute, 0, 40, 60),
})

const identity: readonly AlertCase[] = [
  {
    alert: 'IdentityQueueStuck',
    says: 'one waits from minute 5 on; look-ups fail until minute 40',
    input: identities(then(flat(0, 5), flat(1, 55)), jump(1, 40, 60)),
    labels: `${JOB}, service="indexer"`,
    fires: [25, 39.75],
    silent: [24.75, 40],
  },
  {
    alert: 'IdentityQueueStuck',
    says: 'the last was looked up at minute 10',
    input: identities(flat(1, 60), jump(1, 10, 60)),
    labels: `${JOB}, service="indexer"`,
    fires: [30],
    silent: [29.75],
  },
  {
    alert: 'IdentityQueueStuck',
    says: 'nothing waits',
    input: identities(flat(0, 60), flat(0, 60)),
    silent: [50],
  },
  {
    alert: 'IdentityQueueStuck',
    says: 'nothing waits, for all that is asked fails and is put off: 10.5 times in a quarter of an hour, at two replicas together',
    input: identities(flat(0, 60), flat(0, 60), 0.35),
    labels: 'job="rust-indexer", severity="warning", service="indexer"',
    fires: [19.5, 40.5],
    silent: [19.25, 41.25],
  },
  {
    alert: 'IdentityQueueStuck',
    says: '9.6 of them',
    input: identities(flat(0, 60), flat(0, 60), 0.32),
    silent: [30],
  },
  {
    alert: 'IdentityQueueStuck',
    says: 'fifteen are answered, and 150 of the others fail',
    input: identities(flat(0, 60), rise(0.5, 0, 60, 60), 5, rise(0.5, 0, 60, 60)),
    labels: 'job="rust-indexer", severity="warning", service="indexer"',
    fires: [30],
    silent: [50],
  },
  {
    alert: 'IdentityQueueStuck',
    says: '142 of the others',
    input: identities(flat(0, 60), rise(0.5, 0, 60, 60), 4.75, rise(0.5, 0, 60, 60)),
    silent: [30],
  },
]

export const indexerFailureCases: readonly AlertCase[] = [...ratios, ...database, ...waiting, ...identity]
