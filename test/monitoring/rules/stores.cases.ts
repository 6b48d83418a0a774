/** Cases of the group `stores`. */
import { type AlertCase, flat, gone, type Input, ramp, rise, type Samples, then } from './case.ts'

const at = (metric: string, labels = '', instance = 'x:1') =>
  `${metric}{job="rust-indexer", instance="${instance}"${labels && `, ${labels}`}}`
const store = (severity: string) => `severity="${severity}", service="store"`
const database = (severity: string) => `severity="${severity}", service="database"`
const ONE = 'job="rust-indexer", instance="x:1"'

const away = (alert: string, metric: string, labels: string): readonly AlertCase[] => [
  {
    alert,
    says: 'away for a minute; then scrapes fail',
    input: { [at(metric)]: then(flat(1, 5), flat(0, 5), gone(5)) },
    labels: `${ONE}, ${labels}`,
    fires: [6, 10.75],
    silent: [4.75, 5.75, 11],
  },
  {
    alert,
    says: 'back again',
    input: { [at(metric)]: then(flat(0, 5), flat(1, 5)) },
    labels: `${ONE}, ${labels}`,
    fires: [4.75],
    silent: [5],
  },
]

const EVICTION = 'check="eviction"'
const GIB = 2 ** 30

/** The store as two services see it; the second has just started and read nothing. */
const used = (samples: Samples, capacity = 100 * GIB): Input => ({
  [at('store_used_bytes')]: samples.map((value) => (value === null ? null : value * GIB)),
  [at('store_used_bytes', '', 'x:2')]: samples.map(() => 0),
  [at('store_capacity_bytes')]: samples.map(() => capacity),
  [at('store_capacity_bytes', '', 'x:2')]: samples.map(() => capacity),
})

const marks = (marked: number, capacity: number, until = 200): Input => ({
  [at('ingester_high_water_mark_entries', 'stream="firehose_live"')]: flat(marked, 200),
  [at('ingester_high_water_mark_entries', 'stream="firehose_live"', 'x:2')]: flat(1, 200),
  [at('ingester_high_water_mark_entries', 'stream="label_live"')]: flat(1_000, 200),
  // No traffic, so no size of an entry is known: it must not hide the others.
  [at('ingester_high_water_mark_entries', 'stream="repo_backfill"')]: flat(5, 200),
  [at('ingester_written_bytes_total', 'stream="repo_backfill"')]: flat(0, 200),
  [at('ingester_entries_written_total', 'stream="repo_backfill"')]: flat(0, 200),
  ...Object.fromEntries(
    ['firehose_live', 'label_live'].flatMap((stream) =>
      ['x:1', 'x:2'].flatMap((instance) => [
        [at('ingester_written_bytes_total', `stream="${stream}"`, instance), rise(5_000, 0, until, 200)],
        [at('ingester_entries_written_total', `stream="${stream}"`, instance), rise(10, 0, until, 200)],
      ]),
    ),
  ),
  [at('store_capacity_bytes')]: flat(capacity, 200),
  [at('store_capacity_bytes', '', 'x:2')]: flat(capacity + 10 ** 9, 200),
})

const room: readonly AlertCase[] = [
  {
    alert: 'StoreFilling',
    says: '80 %, then 80.5 %, then less',
    input: used(then(flat(80, 5), flat(80.5, 15), flat(50, 5))),
    labels: store('warning'),
    fires: [15, 19.75],
    silent: [4.75, 14.75, 20],
  },
  {
    alert: 'StoreNearlyFull',
    says: '95 %, then 95.5 %, then less',
    input: used(then(flat(95, 5), flat(95.5, 5), flat(50, 5))),
    labels: store('critical'),
    fires: [7, 9.75],
    silent: [4.75, 6.75, 10],
  },
  {
    alert: 'StoreFullSoon',
    says: 'grows by 0.25 GiB a minute from 39 GiB: 4 hours are left at 40 GiB, minute 4',
    input: used(then(ramp(39, 0.25, 60), flat(54, 60))),
    labels: store('warning'),
    fires: [14.25, 60],
    silent: [14, 95],
  },
  {
    alert: 'StoreFullSoon',
    says: 'grows fast, from 20 GiB: what is not a third full has room; 30 GiB at minute 5',
    input: used(ramp(20, 2, 20)),
    labels: store('warning'),
    fires: [15.25],
    silent: [15],
  },
  {
    alert: 'HighWaterMarkUnreachable',
    says: '100,000 and 1,000 entries of 500 bytes, half as much again in the store: 75.75 MB',
    input: marks(100_000, 75.7e6, 100),
    labels: store('warning'),
    fires: [6, 30, 159],
    silent: [5, 165],
  },
  {
    alert: 'HighWaterMarkUnreachable',
    says: 'a store that just holds them',
    input: marks(100_000, 75.8e6),
    silent: [100, 150],
  },
]

const size = (connections: number): Input => ({
  [at('database_connections')]: then(flat(80, 5), flat(connections, 10), flat(1, 5)),
  [at('database_connections', '', 'x:2')]: flat(0, 20),
  [at('database_connections_limit')]: flat(100, 20),
  [at('database_connections_limit', '', 'x:2')]: flat(99, 20),
})
const pools = (each: Samples): Input => ({
  [at('db_pool_max_size')]: each,
  [at('db_pool_max_size', '', 'x:2')]: each,
  'db_pool_max_size{job="other", instance="o:1"}': flat(500, 40),
  [at('database_connections_limit')]: flat(100, 40),
  [at('database_connections_limit', '', 'x:2')]: flat(0, 40),
})

const highest = (
  alert: string,
  metric: string,
  [limit, above]: readonly [number, number],
  severity: string,
): AlertCase => ({
  alert,
  says: `${limit} is allowed, ${above} is not`,
  input: {
    [at(metric)]: then(flat(limit, 5), flat(above, 10), flat(0, 5)),
    [at(metric, '', 'x:2')]: flat(0, 20),
  },
  labels: database(severity),
  fires: [10, 14.75],
  silent: [4.75, 9.75, 15],
})

export const storesCases: readonly AlertCase[] = [
  ...away('StoreDown', 'store_up', store('critical')),
  ...away('DatabaseDown', 'database_up', database('critical')),
  {
    alert: 'StoreUnsafe',
    says: 'one of two services sees it; then scrapes fail',
    input: {
      [at('store_safe', EVICTION)]: then(flat(1, 5), flat(0, 10), gone(5)),
      [at('store_safe', EVICTION, 'x:2')]: then(flat(1, 15), gone(5)),
      [at('store_safe', 'check="persistence"')]: flat(1, 20),
    },
    labels: `${EVICTION}, ${store('warning')}`,
    fires: [10, 15.75],
    silent: [4.75, 9.75, 16],
  },
  {
    alert: 'StoreUnsafe',
    says: 'mended',
    input: { [at('store_safe', EVICTION)]: then(flat(0, 10), flat(1, 10)) },
    labels: `${EVICTION}, ${store('warning')}`,
    fires: [9.75],
    silent: [10],
  },
  ...room,
  {
    alert: 'DatabaseConnectionsHigh',
    says: '80 of 100, then 81, then few',
    input: size(81),
    labels: database('warning'),
    fires: [10, 14.75],
    silent: [4.75, 9.75, 15],
  },
  {
    alert: 'PoolsExceedDatabase',
    says: 'two pools of 50 for 100 connections, then of 51',
    input: pools(then(flat(50, 5), flat(51, 15), flat(10, 20))),
    labels: database('warning'),
    fires: [15, 19.75],
    silent: [4.75, 14.75, 20],
  },
  highest('LongTransaction', 'database_longest_transaction_seconds', [600, 601], 'warning'),
  highest('SequenceNearEnd', 'database_sequence_used_ratio', [0.7, 0.71], 'warning'),
  highest('SchemaDiffers', 'database_schema_differences', [0, 1], 'critical'),
]
