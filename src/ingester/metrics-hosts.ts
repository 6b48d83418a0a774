/**
 * Declarations of what is told host by host. The hosts are those of the configuration, a handful; a host that is followed and
 * listed, or is relay and labeler in one, tells of its firehose. Read at a scrape, so that a frame pays for none of it.
 */
import { counterBy, readingBy, type Readings } from './metric-words.ts'

export const hosts = ({ perHost }: Readings, host: readonly string[]) => ({
  hostConnected: readingBy('ingester_host_connected', { host }, () =>
    perHost(({ connected }) => (connected === null ? null : Number(connected))),
  )(
    '1 while the socket of a host is open, back-pressure or not; NaN for a host that is only listed.',
    'a socket opened or closed',
  ),
  hostSequence: readingBy('ingester_host_sequence', { host }, () => perHost(({ lastSeq }) => lastSeq))(
    'Sequence number of the last message received from a host; NaN before the first.',
    'a message of that host',
  ),
  hostCursor: readingBy('ingester_host_cursor', { host }, () => perHost(({ cursorSeq }) => cursorSeq))(
    'Sequence number saved for a host: where a restart resumes; NaN until it is read or saved.',
    'a first connect that finds a saved cursor, or a batch of that host saved',
  ),
  hostEventTime: readingBy('ingester_host_event_time_seconds', { host }, () =>
    perHost(({ lastEventMs }) => lastEventMs && lastEventMs / 1000),
  )(
    'Declared time of the last firehose event of a host, Unix time; NaN before the first, and for a labeler.',
    'a message of that relay',
  ),
  hostReconnects: counterBy(
    'ingester_host_reconnects_total',
    { host },
    'Connections to a host that ended and are made again; ingester_reconnects_total says why.',
    'a socket closed, refused, silent beyond the idle limit, or ended by an error frame',
  ),
  lastFrameTime: readingBy('ingester_last_frame_time_seconds', { host }, () =>
    perHost(({ lastDataMs }) => (lastDataMs ?? 0) / 1000),
  )(
    'When the last frame (of a host that is only listed: page) of a host came, Unix time; 0 before the first.',
    'a frame of that host',
  ),
  cursorTime: readingBy('ingester_cursor_saved_time_seconds', { host }, () =>
    perHost(({ cursorSavedMs }) => (cursorSavedMs ?? 0) / 1000),
  )('When the cursor of a host was last saved, Unix time; 0 before the first.', 'a batch of that host saved'),
})
