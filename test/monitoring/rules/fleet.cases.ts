/** Cases of the group `fleet`. */
import { type AlertCase, flat, gone, then } from './case.ts'

const TARGET = 'job="rust-ingester", instance="i:1", service="ingester", type="rust"'
const at = (metric: string) => `${metric}{${TARGET}}`
const warning = `${TARGET}, severity="warning"`
const critical = `${TARGET}, severity="critical"`

const answering = (job: string) => ({ [`up{job="${job}", instance="x:1"}`]: flat(1, 20) })
const CANARIES: Readonly<Record<string, readonly string[]>> = {
  'rust-ingester': ['ingester_firehose_events_total', 'store_up'],
  'rust-backfiller': ['backfiller_repos_processed_total', 'stream_undelivered_known'],
  'rust-indexer': ['indexer_events_processed_total', 'stream_undelivered_known'],
}

/** One service answers; of its canaries one comes only later. */
const missing = (job: string, canary: string): AlertCase => ({
  alert: 'SeriesAbsent',
  says: `${job} without ${canary}`,
  input: {
    ...answering(job),
    ...Object.fromEntries(
      (CANARIES[job] ?? []).map((metric) => [
        `${metric}{job="${job}", instance="x:1"}`,
        metric === canary ? then(gone(10), flat(0, 10)) : flat(0, 20),
      ]),
    ),
  },
  labels: `job="${job}", instance="x:1", severity="warning"`,
  fires: [5, 9.75],
  silent: [4.75, 10],
})

export const fleetCases: readonly AlertCase[] = [
  {
    alert: 'TargetDown',
    says: 'a target stops answering, and answers again',
    input: { [at('up')]: then(flat(1, 5), flat(0, 5), flat(1, 5)) },
    labels: critical,
    fires: [7, 9.75],
    silent: [4.75, 6.75, 10],
  },
  {
    alert: 'TargetDown',
    says: 'a job of somebody else',
    input: { 'up{job="other", instance="i:1"}': flat(0, 10) },
    silent: [9],
  },
  ...['rust-ingester', 'rust-indexer'].map((job): AlertCase => {
    const other = job === 'rust-ingester' ? 'rust-indexer' : 'rust-ingester'
    return {
      alert: 'JobAbsent',
      says: `no target of ${job}, then one`,
      input: {
        [`up{job="${other}", instance="x:1"}`]: flat(0, 15),
        [`up{job="${job}", instance="x:1"}`]: then(gone(7), flat(0, 8)),
      },
      labels: `job="${job}", service="${job.slice(5)}", severity="critical"`,
      fires: [5, 6.75],
      silent: [4.75, 7],
    }
  }),
  {
    alert: 'JobAbsent',
    says: 'backfillers that were there within the day, and none any more',
    step: 300,
    input: {
      'up{job="rust-ingester", instance="a:1"}': flat(1, 400),
      'up{job="rust-indexer", instance="b:1"}': flat(1, 400),
      // Samples 5 minutes apart: 12 of them are an hour.
      'up{job="rust-backfiller", instance="c:1"}': flat(1, 3),
    },
    labels: 'job="rust-backfiller", service="backfiller", severity="critical"',
    fires: [70, 1_490],
    silent: [60, 65, 1_500],
  },
  ...Object.entries(CANARIES).flatMap(([job, canaries]) => canaries.map((each) => missing(job, each))),
  {
    alert: 'SeriesAbsent',
    says: 'a target that is down has no series, which is another alert',
    input: { 'up{job="rust-ingester", instance="x:1"}': flat(0, 20) },
    silent: [10],
  },
  {
    alert: 'ServiceRestarting',
    says: 'three restarts within a quarter of an hour',
    input: {
      [at('process_start_time_seconds')]: then(flat(1, 5), flat(2, 5), flat(3, 5), flat(4, 20)),
    },
    labels: warning,
    fires: [15, 19.75],
    silent: [14.75, 20],
  },
  {
    alert: 'ServiceNotReady',
    says: 'not ready for 5 minutes, also while scrapes fail; then nobody knows',
    input: { [at('service_ready')]: then(flat(1, 5), flat(0, 7), gone(10)) },
    labels: warning,
    fires: [10, 12.75],
    silent: [4.75, 9.75, 13],
  },
  {
    alert: 'ServiceNotReady',
    says: 'ready again',
    input: { [at('service_ready')]: then(flat(0, 7), flat(1, 5)) },
    labels: warning,
    fires: [6.75],
    silent: [7],
  },
  {
    alert: 'EventLoopStalled',
    says: 'stalls in half of the scrapes',
    // The median of 21 samples is above 1 from the 11th bad one on: 2.5 minutes; and back after as many good ones.
    input: { [at('nodejs_eventloop_lag_max_seconds')]: then(flat(0.02, 10), flat(1.05, 10), flat(0.02, 10)) },
    labels: warning,
    fires: [14.5, 22.25],
    silent: [14.25, 22.5],
  },
  {
    alert: 'EventLoopStalled',
    says: 'in half of them, however long each stall is',
    input: { [at('nodejs_eventloop_lag_max_seconds')]: then(flat(0.02, 10), flat(3, 10)) },
    labels: warning,
    fires: [14.5],
    silent: [14.25],
  },
  {
    alert: 'EventLoopStalled',
    says: 'exactly a second is not longer than a second',
    input: { [at('nodejs_eventloop_lag_max_seconds')]: flat(1, 20) },
    silent: [15],
  },
  {
    alert: 'MixedVersions',
    says: 'two builds for half an hour',
    input: {
      'build_info{job="rust-indexer", instance="a:1", version="1", commit="x"}': flat(1, 60),
      'build_info{job="rust-indexer", instance="b:1", version="1", commit="y"}': then(gone(10), flat(1, 35)),
    },
    labels: 'severity="warning", service="pipeline"',
    fires: [40, 49.5],
    silent: [9, 39.75, 50.25],
  },
  {
    alert: 'MixedVersions',
    says: 'one build of three services',
    input: {
      'build_info{job="rust-indexer", instance="a:1", version="1", commit="x"}': flat(1, 60),
      'build_info{job="rust-ingester", instance="b:1", version="1", commit="x"}': flat(1, 60),
      'build_info{job="other", instance="c:1", version="2", commit="x"}': flat(1, 60),
    },
    silent: [50],
  },
]
