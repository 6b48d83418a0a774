/** Cases of the group `indexer`: lateness, progress, entries, accounts. */
import { type AlertCase, flat, gone, type Input, jump, ramp, rise, type Samples, then } from './case.ts'

const replica = (metric: string, labels: string, instance = 'x:1') =>
  `${metric}{job="rust-indexer", instance="${instance}"${labels && `, ${labels}`}}`
const LIVE = 'stream="firehose_live"'
const HISTORY = 'stream="firehose_backfill"'
const says = (severity: string, service: string, labels = LIVE) =>
  `${labels}, severity="${severity}", service="${service}"`

/** What the store says is the same at every replica; one that has just started says less. */
const twice = (metric: string, samples: Samples, labels = LIVE): Input => ({
  [replica(metric, labels)]: samples,
  [replica(metric, labels, 'x:2')]: samples.map((value) => (value === null ? null : 0)),
})

const AGE = 'stream_oldest_undelivered_age_seconds'
const UNDELIVERED = 'stream_undelivered_entries'

const behind = (alert: string, limit: number, severity: string): AlertCase => ({
  alert,
  says: `older than ${limit} s for 5 minutes, in a live stream`,
  input: {
    ...twice(AGE, then(flat(limit, 5), flat(limit + 1, 10), flat(0, 5))),
    ...twice(AGE, flat(99_999, 20), HISTORY),
  },
  labels: says(severity, 'indexer'),
  fires: [10, 14.75],
  silent: [4.75, 9.75, 15],
})

const lateness: readonly AlertCase[] = [
  behind('IndexerBehind', 300, 'warning'),
  behind('IndexerFarBehind', 1_800, 'critical'),
  {
    alert: 'IntakeAboveDrain',
    says: 'grows from minute 20 to 40 by half an entry a second',
    input: {
      ...twice(UNDELIVERED, then(flat(1_001, 20), ramp(1_001, 30, 20), flat(1_601, 20))),
      ...twice(UNDELIVERED, ramp(5_000, 600, 60), HISTORY),
    },
    labels: says('warning', 'indexer'),
    fires: [30.25, 49.75],
    silent: [19.75, 30, 50.25],
  },
  {
    alert: 'IntakeAboveDrain',
    says: 'fewer than 1000 are nothing yet',
    input: twice(UNDELIVERED, ramp(500, 60, 40)),
    labels: says('warning', 'indexer'),
    fires: [28.5],
    silent: [28.25],
  },
]

type Work = {
  readonly undelivered?: Samples
  readonly pending?: Samples
  readonly written?: Samples
  readonly acknowledged?: Samples
}
const stuck = ({ undelivered, pending, written, acknowledged }: Work): Input => ({
  ...twice(UNDELIVERED, undelivered ?? flat(0, 40)),
  ...twice('stream_pending_entries', pending ?? flat(0, 40)),
  [`ingester_entries_written_total{job="rust-ingester", instance="i:1", ${LIVE}}`]: written ?? flat(0, 40),
  [replica('stream_acknowledged_total', LIVE)]: acknowledged ?? flat(0, 40),
  [replica('stream_acknowledged_total', LIVE, 'x:2')]: flat(7, 40),
  'stream_acknowledged_total{job="rust-backfiller", instance="b:1", stream="repo_backfill"}': flat(0, 40),
  'stream_undelivered_entries{job="rust-backfiller", instance="b:1", stream="repo_backfill"}': flat(9, 40),
})

const progress: readonly AlertCase[] = [
  {
    alert: 'IndexerStuck',
    says: 'one entry waits; the last was finished at minute 10, the next at minute 30',
    input: stuck({ undelivered: flat(1, 40), acknowledged: then(rise(60, 0, 10, 30), flat(601, 10)) }),
    labels: says('critical', 'indexer'),
    fires: [20, 29.75],
    silent: [19.75, 30],
  },
  {
    alert: 'IndexerStuck',
    says: 'one entry was delivered and is not finished',
    input: stuck({ pending: flat(1, 40) }),
    labels: says('critical', 'indexer'),
    fires: [10],
  },
  {
    alert: 'IndexerStuck',
    says: 'entries are written, and the group that stands beyond the end is given none',
    input: stuck({ undelivered: flat(Number.NaN, 40), written: rise(1, 0, 40, 40) }),
    labels: says('critical', 'indexer'),
    fires: [20],
  },
  { alert: 'IndexerStuck', says: 'there is nothing to do', input: stuck({}), silent: [30] },
  {
    alert: 'IndexedRateLow',
    says: 'two indexers finish 49.5 % of what two ingesters write until minute 60, then 50.5 %',
    input: {
      ...rates('ingester_entries_written_total', 'rust-ingester', () => rise(60, 0, 100, 100)),
      ...rates('stream_acknowledged_total', 'rust-indexer', () =>
        then(rise(29.7, 0, 60, 60), ramp(60 * 29.7, 30.3, 40)),
      ),
    },
    labels: says('critical', 'indexer'),
    fires: [30, 60],
    silent: [4, 72],
  },
  {
    alert: 'IndexedRateLow',
    says: 'indexers stop at minute 20',
    input: {
      ...rates('ingester_entries_written_total', 'rust-ingester', () => rise(60, 0, 60, 60)),
      ...rates('stream_acknowledged_total', 'rust-indexer', () => rise(60, 0, 20, 60)),
    },
    labels: says('critical', 'indexer'),
    fires: [35.25],
    silent: [35],
  },
  {
    alert: 'IndexedRateLow',
    says: 'three times as much is written from minute 20 on',
    input: {
      ...rates('ingester_entries_written_total', 'rust-ingester', () =>
        then(rise(60, 0, 20, 20), ramp(1_200, 180, 40)),
      ),
      ...rates('stream_acknowledged_total', 'rust-indexer', () => rise(60, 0, 60, 60)),
    },
    labels: says('critical', 'indexer'),
    fires: [35.25],
    silent: [35],
  },
  {
    alert: 'IndexedRateLow',
    says: 'nothing is written after minute 40',
    input: {
      ...rates('ingester_entries_written_total', 'rust-ingester', () => rise(60, 0, 40, 80)),
      ...rates('stream_acknowledged_total', 'rust-indexer', () => flat(0, 80)),
    },
    labels: says('critical', 'indexer'),
    fires: [44.75],
    silent: [45.25],
  },
  {
    alert: 'IndexedRateLow',
    says: 'an entry a second is too little to judge by',
    input: {
      ...rates('ingester_entries_written_total', 'rust-ingester', () => rise(30, 0, 60, 60)),
      ...rates('stream_acknowledged_total', 'rust-indexer', () => flat(0, 60)),
    },
    silent: [40],
  },
]

function rates(metric: string, job: string, samples: () => Samples): Input {
  return {
    [`${metric}{job="${job}", instance="r:1", ${LIVE}}`]: samples(),
    [`${metric}{job="${job}", instance="r:2", ${LIVE}}`]: samples(),
  }
}

const entries: readonly AlertCase[] = [
  {
    alert: 'PendingIdle',
    says: 'idle for 301 s, for 5 minutes',
    input: twice(
      'stream_oldest_pending_idle_seconds',
      then(flat(300, 5), flat(301, 10), flat(0, 5)),
      HISTORY,
    ),
    labels: says('warning', 'pipeline', HISTORY),
    fires: [10, 14.75],
    silent: [4.75, 9.75, 15],
  },
  {
    alert: 'StreamEntriesLost',
    says: 'one, seen for a quarter of an hour',
    input: { [replica('stream_entries_lost_total', LIVE)]: jump(1, 20, 40) },
    labels: says('critical', 'pipeline'),
    fires: [20, 34.75],
    silent: [19.75, 35],
  },
  {
    alert: 'UndeliveredUnknown',
    says: 'no replica knows; then scrapes fail',
    input: {
      [replica('stream_undelivered_known', LIVE)]: then(flat(1, 5), flat(0, 15), gone(5)),
      [replica('stream_undelivered_known', LIVE, 'x:2')]: then(flat(0, 20), gone(5)),
    },
    labels: says('warning', 'pipeline'),
    fires: [15, 20.75],
    silent: [4.75, 14.75, 21],
  },
  {
    alert: 'UndeliveredUnknown',
    says: 'known again',
    input: { [replica('stream_undelivered_known', LIVE)]: then(flat(0, 15), flat(1, 5)) },
    labels: says('warning', 'pipeline'),
    fires: [14.75],
    silent: [15],
  },
  {
    alert: 'ConsumerAbandoned',
    says: 'one for 10 minutes',
    input: {
      ...twice('stream_consumers', then(flat(0, 5), flat(1, 15), flat(0, 5)), `${LIVE}, state="abandoned"`),
      ...twice('stream_consumers', flat(6, 25), 'stream="label_live", state="active"'),
    },
    labels: says('warning', 'pipeline'),
    fires: [15, 19.75],
    silent: [4.75, 14.75, 20],
  },
]

const residual = (metric: string, labels: string): AlertCase => ({
  alert: 'ConservationBroken',
  says: `${metric} is -1 for a minute, and was unknown before`,
  input: {
    [`${metric}{job="j", instance="a:1", ${labels}}`]: then(
      flat(Number.NaN, 3),
      flat(0, 2),
      flat(-1, 5),
      flat(0, 5),
    ),
  },
  labels: `job="j", instance="a:1", ${labels}, severity="critical", service="pipeline"`,
  fires: [6, 9.75],
  silent: [2.75, 4.75, 5.75, 10],
})

export const indexerCases: readonly AlertCase[] = [
  ...lateness,
  ...progress,
  ...entries,
  residual('ingester_conservation_residual', 'part="firehose"'),
  residual('backfiller_conservation_residual', 'stage="repos"'),
  residual('indexer_conservation_residual', LIVE),
]
