/** Declarations of the ingester's upstreams, all hosts together: their sockets, frames, sequences and cursors. */
import {
  ERROR_TYPES,
  FRAME_OUTCOMES,
  FRAME_TYPES,
  ALL_PARTS,
  PARTS,
  RECONNECT_REASONS,
  counterBy,
  each,
  gaugeBy,
  reading,
  readingBy,
  type Readings,
} from './metric-words.ts'

export const connections = () => ({
  connections: gaugeBy(
    'ingester_websocket_connections',
    { type: PARTS },
    'Open WebSockets; a connection that is being made does not count.',
    'a socket opened or closed',
  ),
  errors: counterBy(
    'ingester_errors_total',
    { type: ERROR_TYPES },
    'Failures by kind. Most are handled (retried or dropped with a reason elsewhere); a rise says where to look.',
    'a failed cursor read, frame, append, fetch or connection, or an error frame',
  ),
  frames: counterBy(
    'ingester_frames_total',
    { type: FRAME_TYPES, outcome: FRAME_OUTCOMES },
    'Frames received, by message type and what became of them.',
    'a frame of a relay or labeler',
  ),
  frameBytes: counterBy(
    'ingester_frame_bytes_total',
    { part: PARTS },
    'Bytes of the frames received.',
    'a frame of a relay or labeler',
  ),
  reconnects: counterBy(
    'ingester_reconnects_total',
    { part: PARTS, reason: RECONNECT_REASONS },
    'Connections that ended and are made again, by why they ended.',
    'a socket closed, refused, silent beyond the idle limit, or ended by an error frame',
  ),
  sequenceGaps: counterBy(
    'ingester_sequence_gaps_total',
    { part: PARTS },
    'Times a sequence number on one connection jumped by more than one.',
    'an upstream that leaves out sequence numbers',
  ),
  sequenceRegressions: counterBy(
    'ingester_sequence_regressions_total',
    { part: PARTS },
    'Times a sequence number on one connection did not rise.',
    'an upstream that repeats or reorders frames, or starts its numbering again',
  ),
  sequenceMissed: counterBy(
    'ingester_sequence_numbers_missed_total',
    { part: PARTS },
    'Sequence numbers that never came: left out on one connection, or no longer held upstream after our cursor.',
    'an upstream that leaves out sequence numbers, or whose window has passed our cursor',
  ),
})

export const positions = (read: Readings) => ({
  partRunning: readingBy(
    'ingester_part_running',
    { part: ALL_PARTS },
    each('part', ALL_PARTS, read.running),
  )(
    '1 while every configured upstream of a part is worked at, connected or not; 0 for a part that is off or has ended.',
    'the start and the stop of the service, or a part that fails for good',
  ),
  cursorRegressions: counterBy(
    'ingester_cursor_regressions_total',
    { part: PARTS },
    'Times a cursor was saved that lies below the one saved before, also by an earlier process.',
    'an upstream whose numbering began again, or a cursor taken from the wrong number',
  ),
  outdatedCursors: counterBy(
    'ingester_outdated_cursors_total',
    { part: PARTS },
    'Times an upstream no longer had the events after our cursor: a gap in the data.',
    'an #info frame OutdatedCursor',
  ),
  futureCursors: counterBy(
    'ingester_future_cursors_total',
    { part: PARTS },
    'Times an upstream refused our cursor as lying in its future; its whole window is read again.',
    'an error frame FutureCursor',
  ),
  secondsSinceLastFrame: reading('ingester_seconds_since_last_frame', read.secondsSinceLastFrame)(
    'Seconds since the relay that has been silent longest sent a frame (since the start, before its first).',
    'a relay that sends nothing',
  ),
  cursorAge: reading('ingester_cursor_age_seconds', read.cursorAgeSeconds)(
    'Seconds since the firehose cursor that stands still longest was saved (since the start, before its first).',
    'time passing without a batch saved',
  ),
})
