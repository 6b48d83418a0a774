/**
 * What the dashboards of rsky ask of a backfiller (spec: contract 2.2 and 2.5): its names and types, each with the meaning
 * that its help states.
 */
import type { MetricSpec } from '../monitoring/metrics.ts'

/** What is read at scrape time. */
export type Readings = {
  /** Entries of the input stream that nobody works on: never delivered, or pending without being run. */
  readonly waiting: () => Promise<number>
  readonly outputLength: () => Promise<number>
  readonly deadLetters: () => Promise<number>
  readonly memoryBytes: () => number
  readonly heldHosts: () => number
  readonly residuals: () => { readonly repos: number; readonly records: number }
}

export const repos = ({ waiting }: Readings) =>
  ({
    processed: {
      name: 'backfiller_repos_processed_total',
      type: 'counter',
      help: 'Repos whose records are all in the output stream',
      cause:
        'the last chunk and the repo event of a verified snapshot are durable; skipped repos do not count',
    },
    failed: {
      name: 'backfiller_repos_failed_total',
      type: 'counter',
      help: 'Attempts at a repo that failed',
      cause:
        'an attempt ended in a failure that is tried again or dead-lettered; see backfiller_failures_total',
    },
    deadLettered: {
      name: 'backfiller_repos_dead_lettered_total',
      type: 'counter',
      help: 'Repos set aside in the dead-letter stream',
      cause: 'an entry used up its deliveries, could not be read, or failed in a way no attempt can change',
    },
    retries: {
      name: 'backfiller_retries_attempted_total',
      type: 'counter',
      help: 'Attempts after the first at the same entry',
      cause: 'work begins on an entry that was delivered before',
    },
    waiting: {
      name: 'backfiller_repos_waiting',
      type: 'gauge',
      help: 'Repos waiting in the input stream: not delivered yet, or pending and not running',
      cause: 'read from the store at scrape time; the same number on every instance of a fleet',
      collect: waiting,
    },
    running: {
      name: 'backfiller_repos_running',
      type: 'gauge',
      help: 'Repos this instance is fetching, verifying or writing',
      cause: 'a repo gets or leaves its place',
    },
  }) as const satisfies Record<string, MetricSpec>

export const records = () =>
  ({
    extracted: {
      name: 'backfiller_records_extracted_total',
      type: 'counter',
      help: 'Records written to the output stream',
      cause: 'a chunk of records is durable',
    },
    filtered: {
      name: 'backfiller_records_filtered_total',
      type: 'counter',
      help: 'Records left out by the collection filter',
      cause: 'a snapshot holds a record of a collection that is not selected',
    },
  }) as const satisfies Record<string, MetricSpec>

export const output = ({ outputLength }: Readings) =>
  ({
    outputLength: {
      name: 'backfiller_output_stream_length',
      type: 'gauge',
      help: 'Entries in the output stream',
      cause: 'read from the store at scrape time; the same number on every instance of a fleet',
      collect: outputLength,
    },
    backpressureEvents: {
      name: 'backfiller_backpressure_events_total',
      type: 'counter',
      help: 'Times the backfiller stopped because the output stream reached its high-water mark',
      cause: 'back-pressure turns from inactive to active',
    },
  }) as const satisfies Record<string, MetricSpec>

export const errors = () =>
  ({
    fetchErrors: {
      name: 'backfiller_car_fetch_errors_total',
      type: 'counter',
      help: 'Attempts that could not find or download the repo',
      cause: 'the DID document or the CAR could not be had; repos that are gone for good are skips instead',
    },
    parseErrors: {
      name: 'backfiller_car_parse_errors_total',
      type: 'counter',
      help: 'Attempts whose CAR is malformed or incomplete',
      cause:
        'a block does not hash to its CID, a block is missing, the header, commit or tree cannot be read',
    },
    verificationErrors: {
      name: 'backfiller_verification_errors_total',
      type: 'counter',
      help: 'Attempts whose commit is not of this account',
      cause: 'the commit names another DID, or its signature does not fit the key of the DID document',
    },
  }) as const satisfies Record<string, MetricSpec>
