/** What the backfiller tells of its flow: that nothing is lost on the way, where time goes, how large repos are, what holds it. */
import type { MetricSpec } from '../monitoring/metrics.ts'
import type { Readings } from './metrics-contract.ts'
import { PHASES } from './phases.ts'

const MIB = 1024 * 1024

export const conservation = ({ residuals }: Readings) =>
  ({
    residual: {
      name: 'backfiller_conservation_residual',
      type: 'gauge',
      help: 'Received less every outcome less in flight: 0, or something was lost (positive) or counted twice (negative). repos: input entries taken; records: those of verified snapshots',
      cause: 'a defect: an entry or a record came to no end, or to two',
      labels: { stage: ['repos', 'records'] },
      collect: () => {
        const { repos, records } = residuals()
        return [
          { labels: { stage: 'repos' }, value: repos },
          { labels: { stage: 'records' }, value: records },
        ]
      },
    },
  }) as const satisfies Record<string, MetricSpec>

export const sizes = () =>
  ({
    phaseSeconds: {
      name: 'backfiller_phase_seconds',
      type: 'histogram',
      help: 'Time of one attempt at a repo, by phase. resolve: finding PDS and key; wait: for a place at the host or in memory; fetch: for bytes of the host; verify; write: appends, and waiting for room in the output stream',
      cause: 'an attempt ends, whatever its outcome; each phase that it reached is observed once',
      labels: { phase: PHASES },
      buckets: [0.001, 0.005, 0.025, 0.1, 0.25, 1, 2.5, 10, 30, 60, 300],
    },
    repoRecords: {
      name: 'backfiller_repo_records',
      type: 'histogram',
      help: 'Records in a repo, those of collections that are not selected included',
      cause: 'a snapshot is verified',
      buckets: [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000],
    },
    repoBytes: {
      name: 'backfiller_repo_bytes',
      type: 'histogram',
      help: 'Bytes of the CAR of a repo',
      cause: 'a snapshot is verified',
      buckets: [4_096, 65_536, MIB / 2, 2 * MIB, 8 * MIB, 32 * MIB, 128 * MIB],
    },
  }) as const satisfies Record<string, MetricSpec>

export const limits = () =>
  ({
    slots: {
      name: 'backfiller_slots',
      type: 'gauge',
      help: 'Repos that may run at the same time, as configured',
      cause: 'set once at start',
    },
    highWaterMark: {
      name: 'backfiller_high_water_mark_entries',
      type: 'gauge',
      help: 'Length of the output stream at which the backfiller stops, as configured',
      cause: 'set once at start',
    },
    backpressureSeconds: {
      name: 'backfiller_backpressure_seconds_total',
      type: 'counter',
      help: 'Seconds for which back-pressure was active',
      cause:
        'the output stream is at its high-water mark or its length cannot be read; grows twice a second meanwhile',
    },
    rateLimitWaitSeconds: {
      name: 'backfiller_rate_limit_wait_seconds_total',
      type: 'counter',
      help: 'Seconds that repos waited in memory for PDS hosts that asked for time, added up over the repos',
      cause: 'a repo waits for a host that answered 429 or named a wait; grows every second meanwhile',
    },
    lastSuccess: {
      name: 'backfiller_last_success_time_seconds',
      type: 'gauge',
      help: 'Unix time at which a repo was last processed; 0 before the first',
      cause: 'a repo is processed',
    },
  }) as const satisfies Record<string, MetricSpec>
