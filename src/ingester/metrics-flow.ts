/** Declarations of how the ingester's content flows into the streams: appends, lengths, back-pressure. */
import {
  ALL_PARTS,
  OUTPUT_STREAMS,
  counter,
  counterBy,
  each,
  histogram,
  reading,
  readingBy,
  type Readings,
} from './metric-words.ts'

export const output = (read: Readings) => ({
  streamEvents: counter(
    'ingester_stream_events_total',
    'Entries made durable in all output streams together; ingester_entries_written_total splits them by stream.',
    'a batch saved',
  ),
  entriesWritten: counterBy(
    'ingester_entries_written_total',
    { stream: OUTPUT_STREAMS },
    'Entries made durable, by stream.',
    'a batch saved',
  ),
  writtenBytes: counterBy(
    'ingester_written_bytes_total',
    { stream: OUTPUT_STREAMS },
    'Payload bytes of the entries made durable, by stream; what a store adds to each is not in it.',
    'a batch saved',
  ),
  residual: readingBy(
    'ingester_conservation_residual',
    { part: ALL_PARTS },
    each('part', ALL_PARTS, read.residual),
  )(
    'Received less written, filtered, dropped, duplicate, abandoned (to be read again) and in memory: events, listed repos, labels. Always 0; else something was lost (above) or counted twice (below).',
    'a defect of the ingester: an event that left a queue without an outcome',
  ),
  appendSeconds: histogram(
    'ingester_append_duration_seconds',
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10],
    'Time of one successful append, entries and cursor together.',
    'a batch saved',
  ),
  batchEntries: histogram(
    'ingester_batch_entries',
    [0, 1, 5, 10, 50, 100, 250, 500, 1000],
    'Entries per append; 0 when only a cursor moved.',
    'a batch saved',
  ),
  appendRetries: counter(
    'ingester_append_retries_total',
    'Attempts to write a batch that failed and are repeated with the same batch.',
    'a store that is away',
  ),
  eventsInMemory: reading('ingester_events_in_memory', read.eventsInMemory)(
    'Entries converted and not yet durable, all parts.',
    'events arriving; it falls when a batch is saved',
  ),
  bytesInMemory: reading('ingester_bytes_in_memory', read.bytesInMemory)(
    'Bytes of the entries converted and not yet durable, all parts.',
    'events arriving; it falls when a batch is saved',
  ),
  storageRecoveries: counter(
    'storage_recovery_total',
    '1 when the embedded log was left by an unclean stop and recovered itself at this start; nothing durable is lost by it.',
    'a start after a crash, kill or power cut',
  ),
})

const lengthOf = (stream: string) =>
  [
    `Entries stored in ${stream}, read from the store at most once a second.`,
    `entries of ${stream} appended or freed by anyone`,
  ] as const
const ageOf = (stream: string) =>
  [
    `Age of the oldest entry stored in ${stream}; 0 when it is empty.`,
    `an entry of ${stream} that stays unprocessed`,
  ] as const

export const streams = ({ length, oldestAgeSeconds, backpressureActive, highWaterMark }: Readings) => ({
  highWaterMark: readingBy(
    'ingester_high_water_mark_entries',
    { stream: OUTPUT_STREAMS },
    each('stream', OUTPUT_STREAMS, highWaterMark),
  )(
    'Length of a stream at which its parts stop pulling, as configured; NaN when they never do.',
    'set once at start',
  ),
  firehoseLiveLength: reading('ingester_firehose_live_length', () => length('firehose_live'))(
    ...lengthOf('firehose_live'),
  ),
  firehoseBackfillLength: reading('ingester_firehose_backfill_length', () => length('firehose_backfill'))(
    ...lengthOf('firehose_backfill'),
  ),
  repoBackfillLength: reading('ingester_repo_backfill_length', () => length('repo_backfill'))(
    ...lengthOf('repo_backfill'),
  ),
  labelLiveLength: reading('ingester_label_live_length', () => length('label_live'))(
    ...lengthOf('label_live'),
  ),
  firehoseLiveAge: reading('ingester_firehose_live_oldest_entry_age_seconds', () =>
    oldestAgeSeconds('firehose_live'),
  )(...ageOf('firehose_live')),
  repoBackfillAge: reading('ingester_repo_backfill_oldest_entry_age_seconds', () =>
    oldestAgeSeconds('repo_backfill'),
  )(...ageOf('repo_backfill')),
  labelLiveAge: reading('ingester_label_live_oldest_entry_age_seconds', () => oldestAgeSeconds('label_live'))(
    ...ageOf('label_live'),
  ),
  backpressureActivations: counterBy(
    'ingester_backpressure_activations_total',
    { stream: OUTPUT_STREAMS },
    'Times a part stopped pulling because its stream reached the high-water mark.',
    'a stream at its mark when a batch is due',
  ),
  backpressureSeconds: counterBy(
    'ingester_backpressure_seconds_total',
    { stream: OUTPUT_STREAMS },
    'Seconds that parts spent stopped by back-pressure.',
    'time passing while a stream is at its mark',
  ),
  backpressureActive: reading('ingester_backpressure_active', backpressureActive)(
    '1 while at least one part waits for its stream to fall below the high-water mark.',
    'a stream at its mark when a batch is due',
  ),
})
