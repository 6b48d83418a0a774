/** The ingester's page, first half: the hosts it hears, and the lists of repos. */
import type { Row } from './model.ts'
import { added, least, most, quantiles, rate, since, total } from './promql.ts'

/** The relays and labelers that the viewer picks. */
const HOST = 'host=~"$host"'

export const upstreams: Row = {
  title: 'Upstreams',
  panels: [
    {
      title: 'Running parts',
      says: 'The three works of the ingester: listening to relays, listing repos, listening to labelers.',
      unit: 'none',
      kind: 'stat',
      width: 8,
      words: { 0: ['off', 'blue'], 1: ['running', 'green'] },
      of: { '{{part}}': most('ingester_part_running', 'part') },
    },
    {
      title: 'Connected',
      says: 'Whether the socket to each host is open.',
      unit: 'none',
      kind: 'stat',
      width: 12,
      words: { 0: ['no', 'red'], 1: ['yes', 'green'] },
      of: { '{{host}}': most('ingester_host_connected', 'host', HOST) },
      runbooks: ['FirehoseDisconnected', 'LabelerDisconnected'],
    },
    {
      title: 'Longest silence',
      says: 'Seconds since the relay that has been silent longest sent a frame.',
      unit: 's',
      kind: 'stat',
      of: { silence: most('ingester_seconds_since_last_frame') },
      limits: ['FirehoseSilent'],
    },
    {
      title: 'Silence by host',
      says: 'Seconds since each host sent a frame. A labeler may be silent for days.',
      unit: 's',
      of: { '{{host}}': since(most('ingester_last_frame_time_seconds', 'host', HOST)) },
    },
    {
      title: 'Open connections',
      says: 'Open WebSockets by kind. A connection that is being made does not count.',
      unit: 'none',
      of: { '{{type}}': total('ingester_websocket_connections', 'type') },
      runbooks: ['FirehoseDisconnected'],
    },
    {
      title: 'Reconnects',
      says: 'Connections that ended and were made again, by why; and by host.',
      unit: 'short',
      kind: 'bars',
      of: {
        '{{part}} {{reason}}': added('ingester_reconnects_total', 'part, reason'),
        '{{host}}': added('ingester_host_reconnects_total', 'host', HOST),
      },
    },
    {
      title: 'Age of events on arrival',
      says: 'Time of receipt minus event time: how far the relay, or our place in its window, is behind.',
      unit: 's',
      of: quantiles('ingester_event_age_seconds'),
      runbooks: ['FirehoseBehind'],
    },
    {
      title: 'Event time behind the clock',
      says: 'Seconds between now and the declared time of the last event, of the relay furthest behind.',
      unit: 's',
      of: {
        furthest: since(least('ingester_last_event_time_seconds')),
        '{{host}}': since(most('ingester_host_event_time_seconds', 'host', HOST)),
      },
      limits: ['FirehoseBehind'],
    },
    {
      title: 'Sequence not yet saved',
      says: 'Last sequence number received minus the last saved, by host: what a crash would read again.',
      unit: 'short',
      of: {
        '{{host}}': `${most('ingester_host_sequence', 'host', HOST)} - ${most('ingester_host_cursor', 'host', HOST)}`,
      },
    },
    {
      title: 'Cursor age by host',
      says: 'Seconds since the cursor of each host was saved; and the one that stands still longest.',
      unit: 's',
      of: {
        '{{host}}': since(most('ingester_cursor_saved_time_seconds', 'host', HOST)),
        longest: most('ingester_cursor_age_seconds'),
      },
      limits: ['CursorStuck'],
    },
    {
      title: 'Gaps, repetitions and refused cursors',
      says: 'What an upstream should never do: leave out numbers, repeat them, no longer have what we ask for.',
      unit: 'short',
      kind: 'bars',
      of: {
        'gap {{part}}': added('ingester_sequence_gaps_total', 'part'),
        'regression {{part}}': added('ingester_sequence_regressions_total', 'part'),
        'saved cursor set back {{part}}': added('ingester_cursor_regressions_total', 'part'),
        'outdated cursor {{part}}': added('ingester_outdated_cursors_total', 'part'),
        'future cursor {{part}}': added('ingester_future_cursors_total', 'part'),
      },
      runbooks: ['SequenceGap', 'OutdatedCursor'],
    },
    {
      title: 'Sequence numbers missed',
      says: 'How many numbers the gaps left out: the size of the hole.',
      unit: 'short',
      kind: 'bars',
      of: { '{{part}}': added('ingester_sequence_numbers_missed_total', 'part') },
      runbooks: ['SequenceGap'],
    },
  ],
}

export const listing: Row = {
  title: 'Listing repos',
  panels: [
    {
      title: 'All repos listed',
      says: 'Whether the list of every relay has been read to its end.',
      unit: 'none',
      kind: 'stat',
      words: { 0: ['not yet', 'blue'], 1: ['complete', 'green'] },
      height: 8,
      of: { listed: least('ingester_backfill_complete') },
    },
    {
      title: 'Repos listed and queued',
      says: 'Repos in listRepos answers, repos made durable in repo_backfill, and items that name no repo.',
      unit: 'ops',
      width: 10,
      of: {
        listed: rate('ingester_backfill_repos_fetched_total'),
        queued: rate('ingester_backfill_repos_written_total'),
        'names no repo': rate('ingester_backfill_repos_dropped_total'),
      },
    },
    {
      title: 'Trouble with the list',
      says: 'Failed requests, ranges stepped over because the relay fails there, and lists begun again.',
      unit: 'short',
      kind: 'bars',
      width: 10,
      of: {
        'failed requests': added('ingester_backfill_fetch_errors_total'),
        'ranges skipped': added('ingester_backfill_cursor_skips_total'),
        'begun again': added('ingester_backfill_cursor_reset_total'),
      },
      runbooks: ['RepoRangesSkipped'],
    },
  ],
}
