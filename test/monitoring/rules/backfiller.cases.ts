/** Cases of the groups `rsky_alerts` and `backfiller`. */
import { type AlertCase, flat, type Input, jump, rise, type Samples, then } from './case.ts'

const at = (metric: string, labels = '', instance = 'b:1') =>
  `${metric}{job="rust-backfiller", instance="${instance}"${labels && `, ${labels}`}}`
const job = 'job="rust-backfiller", severity="warning", service="backfiller"'

export const rskyCases: readonly AlertCase[] = [
  {
    alert: 'BackfillerHighErrorRate',
    says: 'more than 10 a second, from minute 10 to 20',
    input: { [at('backfiller_repos_failed_total')]: rise(606, 10, 20, 40) },
    labels: 'job="rust-backfiller", instance="b:1", severity="warning"',
    fires: [20],
    silent: [19.75, 20.25],
  },
  {
    alert: 'BackfillerHighErrorRate',
    says: '10 a second is not more than 10 a second',
    input: { [at('backfiller_repos_failed_total')]: rise(600, 0, 40, 40) },
    silent: [30],
  },
  {
    alert: 'IndexerConsumerGroupLag',
    says: '100,001 pending for 10 minutes',
    input: {
      'indexer_pending_messages{job="rust-indexer", instance="x:1"}': then(
        flat(100_000, 5),
        flat(100_001, 15),
        flat(5, 5),
      ),
    },
    labels: 'job="rust-indexer", instance="x:1", severity="warning"',
    fires: [15, 19.75],
    silent: [14.75, 20],
  },
  {
    alert: 'IngesterBackpressure',
    says: 'back-pressure for 5 minutes',
    input: {
      'ingester_backpressure_active{job="rust-ingester", instance="i:1"}': then(
        flat(0, 5),
        flat(1, 10),
        flat(0, 5),
      ),
    },
    labels: 'job="rust-ingester", instance="i:1", severity="info"',
    fires: [10, 14.75],
    silent: [4.75, 9.75, 15],
  },
]

const attempts = (failed: number, processed: number, skipped: number, until = 60): Input => ({
  [at('backfiller_repos_failed_total')]: rise(failed / 2, 0, until, 60),
  [at('backfiller_repos_failed_total', '', 'b:2')]: rise(failed / 2, 0, until, 60),
  [at('backfiller_repos_processed_total')]: rise(processed / 2, 0, 60, 60),
  [at('backfiller_repos_processed_total', '', 'b:2')]: rise(processed / 2, 0, 60, 60),
  [at('backfiller_repos_skipped_total', 'reason="no_pds"')]: rise(skipped / 2, 0, 60, 60),
  [at('backfiller_repos_skipped_total', 'reason="repo_not_found"')]: rise(skipped / 2, 0, 60, 60),
})

const verified = (perMinute: number, errors: (instance: 1 | 2) => Samples): Input => ({
  ...attempts(perMinute / 3, perMinute / 3, perMinute / 3),
  [at('backfiller_verification_errors_total')]: errors(1),
  [at('backfiller_verification_errors_total', '', 'b:2')]: errors(2),
})

const verification: readonly AlertCase[] = [
  {
    alert: 'VerificationFailures',
    says: 'six errors in 585 attempts, seen for a quarter of an hour',
    input: verified(39, () => jump(3, 20, 60)),
    labels: job,
    fires: [20, 34.75],
    silent: [19.75, 35],
  },
  {
    alert: 'VerificationFailures',
    says: 'six in 615',
    input: verified(41, () => jump(3, 20, 60)),
    silent: [21, 34],
  },
  {
    alert: 'VerificationFailures',
    says: 'five are few',
    input: verified(10, (instance) => jump(1 + instance, 20, 60)),
    silent: [21, 34],
  },
  {
    alert: 'VerificationFailures',
    says: 'four in each quarter of an hour',
    input: verified(10, () => then(jump(2, 20, 39), flat(4, 21))),
    silent: [21, 40],
  },
  {
    alert: 'VerificationFailures',
    says: 'six in 700, and six more half an hour before',
    input: verified(46, () => then(jump(3, 20, 39), flat(6, 21))),
    silent: [21, 40],
  },
]

const waiting = (samples: Samples): Input => ({
  [at('backfiller_repos_waiting')]: samples,
  [at('backfiller_repos_waiting', '', 'b:2')]: flat(0, 60),
})
const finished = (processed: Samples, skipped: Samples): Input => ({
  [at('backfiller_repos_processed_total')]: processed,
  [at('backfiller_repos_skipped_total', 'reason="no_pds"')]: skipped,
})

const stalled: readonly AlertCase[] = [
  {
    alert: 'BackfillStalled',
    says: 'one repo waits from minute 5 on and none is finished before minute 30',
    input: { ...waiting(then(flat(0, 5), flat(1, 55))), ...finished(jump(1, 30, 60), flat(0, 60)) },
    labels: job,
    fires: [20, 29.75],
    silent: [19.75, 30, 44.75],
  },
  {
    alert: 'BackfillStalled',
    says: 'the last one was finished at minute 10',
    input: { ...waiting(flat(1, 60)), ...finished(jump(1, 10, 60), flat(0, 60)) },
    labels: job,
    fires: [25],
    silent: [10, 24.75],
  },
  {
    alert: 'BackfillStalled',
    says: 'the last one was skipped at minute 10',
    input: { ...waiting(flat(1, 60)), ...finished(flat(0, 60), jump(1, 10, 60)) },
    labels: job,
    fires: [25],
    silent: [10, 24.75],
  },
  {
    alert: 'BackfillStalled',
    says: 'nothing waits',
    input: { ...waiting(flat(0, 60)), ...finished(flat(0, 60), flat(0, 60)) },
    silent: [50],
  },
]

export const backfillerCases: readonly AlertCase[] = [
  {
    alert: 'BackfillerFailureRatio',
    says: '21 of 100 fail from minute 20 on',
    input: {
      ...attempts(0, 40, 39),
      [at('backfiller_repos_failed_total')]: rise(10.5, 20, 60, 60),
      [at('backfiller_repos_failed_total', '', 'b:2')]: rise(10.5, 20, 60, 60),
    },
    labels: job,
    fires: [39.5],
    silent: [39.25],
  },
  {
    alert: 'BackfillerFailureRatio',
    says: '21 of 100 attempts fail until minute 40',
    input: attempts(21, 40, 39, 40),
    labels: job,
    fires: [39.75, 40.25],
    silent: [5, 41],
  },
  { alert: 'BackfillerFailureRatio', says: '20 of 100', input: attempts(20, 40, 40), silent: [50] },
  {
    alert: 'BackfillerFailureRatio',
    says: '20 attempts are few',
    input: attempts(0.66, 0.66, 0.66),
    silent: [50],
  },
  {
    alert: 'BackfillerFailureRatio',
    says: '21 are enough',
    input: attempts(0.7, 0.7, 0.7),
    labels: job,
    fires: [50],
  },
  ...verification,
  ...stalled,
  {
    alert: 'DeadLettersGrowing',
    says: 'one more, seen for a quarter of an hour; the same figure from two replicas',
    input: {
      'stream_dead_letters{job="rust-indexer", instance="a:1", stream="firehose_live"}': then(
        flat(3, 20),
        flat(4, 20),
      ),
      'stream_dead_letters{job="rust-indexer", instance="b:1", stream="firehose_live"}': flat(0, 40),
      'stream_dead_letters{job="rust-indexer", instance="b:1", stream="label_live"}': then(
        flat(4, 20),
        flat(0, 20),
      ),
    },
    labels: 'stream="firehose_live", severity="warning", service="pipeline"',
    fires: [20, 34.75],
    silent: [19.75, 35],
  },
  {
    alert: 'DeadLettersGrowing',
    says: 'the first ever, put aside while nobody could count',
    input: {
      'stream_dead_letters{job="rust-indexer", instance="a:1", stream="firehose_live"}': then(
        flat(0, 20),
        flat(NaN, 1),
        flat(1, 20),
      ),
    },
    labels: 'stream="firehose_live", severity="warning", service="pipeline"',
    fires: [21, 34.75],
    silent: [20.75, 35],
  },
]
