/** The ingester in depth: from the relays' sockets to entries that are durable. */
import { upstreams, listing } from './ingester-upstreams.ts'
import type { Page, Row } from './model.ts'
import { processRow, storeRow } from './parts.ts'
import { added, most, quantiles, rate, spread, total } from './promql.ts'

const content: Row = {
  title: 'What arrives',
  panels: [
    {
      title: 'Events received and written',
      says: 'From the relays before any filter, and made durable, by stream.',
      unit: 'eps',
      of: {
        received: rate('ingester_firehose_events_total'),
        '{{stream}}': rate('ingester_entries_written_total', 'stream'),
        'all streams': rate('ingester_stream_events_total'),
      },
    },
    {
      title: 'Frames by type and outcome',
      says: 'Frames of relays and labelers and what became of them.',
      unit: 'ops',
      of: {
        '{{type}}': rate('ingester_frames_total', 'type'),
        '{{outcome}}': rate('ingester_frames_total', 'outcome'),
      },
      runbooks: ['FramesUnreadable'],
    },
    {
      title: 'Bytes received',
      says: 'Bytes of frames by part.',
      unit: 'binBps',
      of: { '{{part}}': rate('ingester_frame_bytes_total', 'part') },
    },
    {
      title: 'Operations kept',
      says: 'Record events that pass the filter, by what they do.',
      unit: 'eps',
      of: {
        create: rate('ingester_firehose_create_events_total'),
        update: rate('ingester_firehose_update_events_total'),
        delete: rate('ingester_firehose_delete_events_total'),
      },
    },
    {
      title: 'Operations by namespace',
      says: 'What the network writes, by family of collections.',
      unit: 'eps',
      stack: true,
      of: { '{{namespace}}': rate('ingester_operations_total', 'namespace') },
    },
    {
      title: 'Operations not passed on',
      says: 'By reason. Filtered is by your choice; every other reason is a malformed operation.',
      unit: 'eps',
      of: {
        '{{reason}}': rate('ingester_operations_dropped_total', 'reason'),
        'filtered (rsky’s name)': rate('ingester_firehose_filtered_operations_total'),
        'filtered (wintermute’s name)': rate('ingester_ops_filtered_total'),
      },
    },
    {
      title: 'Labels',
      says: 'Received, made durable, and not passed on.',
      unit: 'eps',
      of: {
        received: rate('ingester_labeler_events_total'),
        written: rate('ingester_labels_written_total'),
        'dropped: {{reason}}': rate('ingester_labels_dropped_total', 'reason'),
      },
    },
    {
      title: 'Event times replaced',
      says: 'Messages whose own time was unreadable or in our future.',
      unit: 'short',
      kind: 'bars',
      of: { replaced: added('ingester_event_times_replaced_total') },
    },
    {
      title: 'Repos queued again',
      says: 'Repos that the firehose alone does not give whole, by cause.',
      unit: 'short',
      kind: 'bars',
      of: { '{{cause}}': added('ingester_resyncs_requested_total', 'cause') },
    },
  ],
}

const writing: Row = {
  title: 'Writing to the streams',
  panels: [
    {
      title: 'Length and high-water mark',
      says: 'Entries stored, and where the ingester stops (dashed in the legend as mark).',
      unit: 'short',
      of: {
        firehose_live: most('ingester_firehose_live_length'),
        firehose_backfill: most('ingester_firehose_backfill_length'),
        repo_backfill: most('ingester_repo_backfill_length'),
        label_live: most('ingester_label_live_length'),
        'mark {{stream}}': most('ingester_high_water_mark_entries', 'stream'),
      },
      runbooks: ['HighWaterMarkUnreachable'],
    },
    {
      title: 'Oldest entry stored',
      says: 'Age of the oldest entry of each stream.',
      unit: 's',
      of: {
        firehose_live: most('ingester_firehose_live_oldest_entry_age_seconds'),
        repo_backfill: most('ingester_repo_backfill_oldest_entry_age_seconds'),
        label_live: most('ingester_label_live_oldest_entry_age_seconds'),
      },
    },
    {
      title: 'Back-pressure',
      says: '1 while a part waits; seconds waited per second; and how often it began.',
      unit: 'none',
      of: {
        'waiting now': most('ingester_backpressure_active'),
        'share of time {{stream}}': rate('ingester_backpressure_seconds_total', 'stream'),
        'began {{stream}}': added('ingester_backpressure_activations_total', 'stream'),
      },
      runbooks: ['IngesterBackpressure', 'BackpressureTooLong', 'BackpressureFlapping'],
    },
    {
      title: 'Append time',
      says: 'One durable append, entries and cursor together.',
      unit: 's',
      of: quantiles('ingester_append_duration_seconds'),
    },
    {
      title: 'Spread of append times',
      says: 'How many appends took how long.',
      unit: 's',
      kind: 'heatmap',
      of: { appends: spread('ingester_append_duration_seconds') },
    },
    {
      title: 'Entries per append',
      says: 'Small batches at a low rate, full ones when catching up.',
      unit: 'short',
      of: quantiles('ingester_batch_entries'),
    },
    {
      title: 'Bytes written',
      says: 'Payload made durable, by stream.',
      unit: 'binBps',
      of: { '{{stream}}': rate('ingester_written_bytes_total', 'stream') },
    },
    {
      title: 'Entries in memory',
      says: 'Converted and not yet durable.',
      unit: 'short',
      of: { entries: total('ingester_events_in_memory') },
    },
    {
      title: 'Bytes in memory',
      says: 'Bytes of the entries converted and not yet durable.',
      unit: 'bytes',
      of: { bytes: total('ingester_bytes_in_memory') },
    },
  ],
}

const correctness: Row = {
  title: 'Correctness',
  panels: [
    {
      title: 'Unaccounted for',
      says: 'Received minus written, filtered, dropped, duplicate and in flight. Anything but 0 is a leak.',
      unit: 'short',
      of: { '{{part}}': most('ingester_conservation_residual', 'part') },
      limits: ['ConservationBroken'],
    },
    {
      title: 'Errors by kind',
      says: 'Most are handled, retried or dropped with a reason elsewhere; a rise says where to look.',
      unit: 'short',
      kind: 'bars',
      of: { '{{type}}': added('ingester_errors_total', 'type') },
      runbooks: ['IngesterErrors'],
    },
    {
      title: 'Appends repeated, logs recovered',
      says: 'Attempts to write a batch that are repeated with the same batch; starts after an unclean stop.',
      unit: 'short',
      kind: 'bars',
      of: {
        repeated: added('ingester_append_retries_total'),
        recovered: added('storage_recovery_total'),
      },
    },
  ],
}

export const ingester: Page = {
  name: 'ingester',
  title: 'Ingester',
  says: 'Is everything heard that the network says, and is it all durable?',
  jobsWith: 'ingester_firehose_events_total',
  job: 'rust-ingester',
  hostsOf: 'ingester_host_connected',
  rows: [upstreams, content, listing, writing, correctness, storeRow, processRow],
}
