/** The backfiller in depth: from a queued repo to its records in the output stream. */
import type { Page, Row } from './model.ts'
import { processRow, storeRow, streamsRow } from './parts.ts'
import { added, mean, most, quantiles, rate, since, spread, total } from './promql.ts'

const work: Row = {
  title: 'Work',
  panels: [
    {
      title: 'Repos waiting',
      says: 'Repos in the input stream that nobody works at. Every replica reads the same stream, so the greatest is the truth.',
      unit: 'short',
      kind: 'stat',
      of: { waiting: most('backfiller_repos_waiting') },
    },
    {
      title: 'Repos in work',
      says: 'Repos being fetched, verified or written, all replicas together, of the places there are.',
      unit: 'short',
      kind: 'stat',
      width: 8,
      of: { running: total('backfiller_repos_running'), places: total('backfiller_slots') },
    },
    {
      title: 'Last success',
      says: 'Time since any replica finished a repo. Only a fault when repos wait.',
      unit: 's',
      kind: 'stat',
      of: { ago: since(most('backfiller_last_success_time_seconds')) },
      runbooks: ['BackfillStalled'],
    },
    {
      title: 'Output waits',
      says: 'Whether appends wait for the output stream to shrink: the indexers are slower.',
      unit: 'none',
      kind: 'stat',
      words: { 0: ['flowing', 'green'], 1: ['waiting', 'orange'] },
      of: { output: most('backfiller_backpressure_active') },
    },
    {
      title: 'Dead letters, repos',
      says: 'Repos put aside. They wait for a person.',
      unit: 'short',
      kind: 'stat',
      of: { repos: most('backfiller_dead_letter_stream_length') },
      runbooks: ['DeadLettersGrowing'],
    },
    {
      title: 'What becomes of repos',
      says: 'Per second: processed whole, skipped because there is nothing, postponed for a rate limit, failed, put aside.',
      unit: 'ops',
      width: 12,
      of: {
        processed: rate('backfiller_repos_processed_total'),
        'skipped: {{reason}}': rate('backfiller_repos_skipped_total', 'reason'),
        postponed: rate('backfiller_repos_postponed_total'),
        'failed attempts': rate('backfiller_repos_failed_total'),
        'dead-lettered': rate('backfiller_repos_dead_lettered_total'),
      },
      runbooks: ['BackfillerHighErrorRate'],
    },
    {
      title: 'What becomes of records',
      says: 'Per second: written, left out by the filter, dropped as malformed.',
      unit: 'eps',
      width: 12,
      of: {
        written: rate('backfiller_records_extracted_total'),
        filtered: rate('backfiller_records_filtered_total'),
        'dropped: {{reason}}': rate('backfiller_records_dropped_total', 'reason'),
      },
    },
  ],
}

const repos: Row = {
  title: 'Time and size of a repo',
  panels: [
    {
      title: 'Time per repo',
      says: 'From getting a place to being durable in the output stream.',
      unit: 's',
      of: quantiles('backfiller_repo_seconds'),
    },
    {
      title: 'Spread of the time per repo',
      says: 'How many repos took how long.',
      unit: 's',
      kind: 'heatmap',
      of: { repos: spread('backfiller_repo_seconds') },
    },
    {
      title: 'Download time per repo',
      says: 'From request to the last block read and checked.',
      unit: 's',
      of: quantiles('backfiller_repo_fetch_seconds'),
    },
    {
      title: 'Mean time in each phase',
      says: 'Where the time of a repo goes.',
      unit: 's',
      stack: true,
      of: { '{{phase}}': mean('backfiller_phase_seconds', 'phase') },
    },
    {
      title: 'Records per repo',
      says: 'Most accounts have few; the last hundredth has very many.',
      unit: 'short',
      of: quantiles('backfiller_repo_records'),
    },
    {
      title: 'Bytes per repo',
      says: 'Size of the CARs that arrived whole.',
      unit: 'bytes',
      of: quantiles('backfiller_repo_bytes'),
    },
  ],
}

const network: Row = {
  title: 'The network',
  panels: [
    {
      title: 'Answers to getRepo',
      says: 'Requests by the class of the answer; none means no answer came.',
      unit: 'reqps',
      of: { '{{answer}}': rate('backfiller_fetches_total', 'answer') },
    },
    {
      title: 'Bytes fetched',
      says: 'CAR bytes received per second.',
      unit: 'binBps',
      of: { bytes: rate('backfiller_fetched_bytes_total') },
    },
    {
      title: 'Hosts held back',
      says: 'PDS hosts that asked for time or do not answer.',
      unit: 'short',
      of: { hosts: most('backfiller_hosts_held') },
    },
    {
      title: 'Waiting for rate limits',
      says: 'Repo-seconds per second spent waiting because a host asked for it.',
      unit: 'short',
      of: { waiting: rate('backfiller_rate_limit_wait_seconds_total') },
    },
    {
      title: 'Identity look-ups',
      says: 'Where the PDS and the key of an account were found; network is the slow one.',
      unit: 'ops',
      of: {
        '{{source}}': rate('backfiller_identity_lookups_total', 'source'),
        refreshed: rate('backfiller_identity_refreshes_total'),
      },
    },
    {
      title: 'Memory for CARs',
      says: 'Bytes of CARs in memory, of the budget all repos share.',
      unit: 'bytes',
      of: { '{{instance}}': most('backfiller_memory_bytes', 'instance') },
    },
  ],
}

const failures: Row = {
  title: 'Failures',
  panels: [
    {
      title: 'Failed attempts by reason',
      says: 'The reason tells whose fault it is: a host, the network, a broken repo.',
      unit: 'short',
      kind: 'bars',
      of: { '{{reason}}': added('backfiller_failures_total', 'reason') },
      runbooks: ['BackfillerFailureRatio'],
    },
    {
      title: 'Fetch, parse and verification errors',
      says: 'Verification errors mean somebody serves what its account did not sign.',
      unit: 'short',
      kind: 'bars',
      of: {
        fetch: added('backfiller_car_fetch_errors_total'),
        parse: added('backfiller_car_parse_errors_total'),
        verification: added('backfiller_verification_errors_total'),
      },
      runbooks: ['VerificationFailures'],
    },
    {
      title: 'Share of attempts that fail',
      says: 'Failed attempts of all attempts. – while nothing is attempted.',
      unit: 'percentunit',
      of: {
        failed: `${rate('backfiller_repos_failed_total')} / (${rate('backfiller_repos_failed_total')} + ${rate('backfiller_repos_processed_total')})`,
      },
      limits: ['BackfillerFailureRatio'],
    },
    {
      title: 'Retries',
      says: 'Attempts after the first at the same entry, and appends repeated because the store was away.',
      unit: 'short',
      kind: 'bars',
      of: {
        attempts: added('backfiller_retries_attempted_total'),
        appends: added('backfiller_store_retries_total'),
      },
    },
    {
      title: 'Unreadable entries',
      says: 'Input entries that are not the JSON of a repo, by reason.',
      unit: 'short',
      kind: 'bars',
      of: { '{{reason}}': added('backfiller_poison_entries_total', 'reason') },
      runbooks: ['DeadLettersGrowing'],
    },
    {
      title: 'Unaccounted for',
      says: 'Received minus written, filtered, dropped and in flight. Anything but 0 is a leak.',
      unit: 'short',
      of: { '{{stage}}': most('backfiller_conservation_residual', 'stage') },
      limits: ['ConservationBroken'],
    },
  ],
}

const output: Row = {
  title: 'Output stream',
  panels: [
    {
      title: 'Length and high-water mark',
      says: 'The backfiller stops at the mark until the indexers have made room.',
      unit: 'short',
      of: {
        length: most('backfiller_output_stream_length'),
        mark: most('backfiller_high_water_mark_entries'),
      },
      runbooks: ['HighWaterMarkUnreachable'],
    },
    {
      title: 'Share of time waiting',
      says: 'Seconds per second that output stood still because of back-pressure.',
      unit: 'percentunit',
      of: { waiting: rate('backfiller_backpressure_seconds_total') },
    },
    {
      title: 'Times it began to wait',
      says: 'Many short waits are flapping around the mark.',
      unit: 'short',
      kind: 'bars',
      of: { began: added('backfiller_backpressure_events_total') },
    },
  ],
}

export const backfiller: Page = {
  name: 'backfiller',
  title: 'Backfiller',
  says: 'How far is the backfill, what slows it, and what could not be had?',
  jobsWith: 'backfiller_repos_processed_total',
  job: 'rust-backfiller',
  rows: [work, repos, network, failures, output, streamsRow, storeRow, processRow],
}
