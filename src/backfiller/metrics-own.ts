/** What the backfiller tells beyond the contract: why repos fail or are left out, what hosts answer, time and memory. */
import { POISON_REASONS } from '../event/codec.ts'
import type { MetricSpec } from '../monitoring/metrics.ts'
import { FAILURE_REASONS, SKIP_REASONS } from './classify.ts'
import { RECORD_DROPS } from './convert.ts'
import type { Readings } from './metrics-contract.ts'

export const outcomes = () =>
  ({
    skipped: {
      name: 'backfiller_repos_skipped_total',
      type: 'counter',
      help: 'Repos acknowledged because there is nothing to fetch, by reason',
      cause: 'the account is gone, inactive, or its DID leads nowhere',
      labels: { reason: SKIP_REASONS },
    },
    failures: {
      name: 'backfiller_failures_total',
      type: 'counter',
      help: 'Failed attempts by reason',
      cause: 'as backfiller_repos_failed_total, and waits that a host asked for (rate_limited)',
      labels: { reason: FAILURE_REASONS },
    },
    postponed: {
      name: 'backfiller_repos_postponed_total',
      type: 'counter',
      help: 'Repos put back to the end of the input stream because their host asked for a long wait',
      cause: 'a host is rate limited for longer than a repo waits in memory',
    },
    poison: {
      name: 'backfiller_poison_entries_total',
      type: 'counter',
      help: 'Input entries that cannot be read, by reason; they go to the dead letters',
      cause: 'an entry is not the JSON of a repo',
      labels: { reason: POISON_REASONS },
    },
    recordsDropped: {
      name: 'backfiller_records_dropped_total',
      type: 'counter',
      help: 'Records of selected collections that cannot be an event, by reason',
      cause: 'a verified repo holds a record with a malformed key or value',
      labels: { reason: RECORD_DROPS },
    },
    storeRetries: {
      name: 'backfiller_store_retries_total',
      type: 'counter',
      help: 'Appends repeated because the store was away',
      cause: 'the store does not take an append',
    },
  }) as const satisfies Record<string, MetricSpec>

export const network = () =>
  ({
    fetches: {
      name: 'backfiller_fetches_total',
      type: 'counter',
      help: 'getRepo requests by the class of the answer; none means no answer came',
      cause: 'a PDS answers or fails to',
      labels: { answer: ['2xx', '3xx', '4xx', '429', '5xx', 'none'] },
    },
    fetchedBytes: {
      name: 'backfiller_fetched_bytes_total',
      type: 'counter',
      help: 'Bytes of CARs received',
      cause: 'a chunk of a CAR arrives',
    },
    identityLookups: {
      name: 'backfiller_identity_lookups_total',
      type: 'counter',
      help: 'DID look-ups by where the answer was found',
      cause: 'a repo needs its PDS and key; memory and shared are cache hits',
      labels: { source: ['memory', 'shared', 'network'] },
    },
    identityRefreshes: {
      name: 'backfiller_identity_refreshes_total',
      type: 'counter',
      help: 'DID documents resolved anew because a cached one may be why an attempt failed',
      cause: 'a bad signature or a refusal under a cached document',
    },
  }) as const satisfies Record<string, MetricSpec>

const SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300] as const

export const times = () =>
  ({
    fetchSeconds: {
      name: 'backfiller_repo_fetch_seconds',
      type: 'histogram',
      help: 'From request to the last block read and checked, per repo that arrived whole',
      cause: 'a CAR has arrived',
      buckets: SECONDS,
    },
    repoSeconds: {
      name: 'backfiller_repo_seconds',
      type: 'histogram',
      help: 'From getting a place to the repo event being durable, per processed repo',
      cause: 'a repo is processed',
      buckets: SECONDS,
    },
  }) as const satisfies Record<string, MetricSpec>

export const state = ({ memoryBytes, heldHosts, deadLetters }: Readings) =>
  ({
    backpressureActive: {
      name: 'backfiller_backpressure_active',
      type: 'gauge',
      help: '1 while appends wait for the output stream to shrink',
      cause: 'the output stream reaches or leaves its high-water mark',
    },
    memory: {
      name: 'backfiller_memory_bytes',
      type: 'gauge',
      help: 'Bytes of CARs in memory, of the budget that all repos share',
      cause: 'read at scrape time',
      collect: memoryBytes,
    },
    heldHosts: {
      name: 'backfiller_hosts_held',
      type: 'gauge',
      help: 'PDS hosts that are not asked at the moment because they asked for time or do not answer',
      cause: 'read at scrape time',
      collect: heldHosts,
    },
    deadLetters: {
      name: 'backfiller_dead_letter_stream_length',
      type: 'gauge',
      help: 'Entries in the dead-letter stream',
      cause: 'read from the store at scrape time',
      collect: deadLetters,
    },
  }) as const satisfies Record<string, MetricSpec>
