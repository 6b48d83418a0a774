/** Rows that several pages share: what every service exports about its store, its streams and its process. */
import type { Panel, Row } from './model.ts'
import { added, least, most, own, quantiles, rate, since, total } from './promql.ts'

export const YES_NO = { 0: ['no', 'red'], 1: ['yes', 'green'] } as const
export const NO_YES = { 0: ['no', 'green'], 1: ['yes', 'orange'] } as const
export const UP_DOWN = { 0: ['DOWN', 'red'], 1: ['UP', 'green'] } as const

export const LIVE = 'stream="firehose_live"'

/** The store as this page's service sees it. */
export const storeRow: Row = {
  title: 'Store',
  panels: [
    {
      title: 'Store reachable',
      says: 'Whether the last command to Redis (or the embedded log) was answered. Without it nothing moves.',
      unit: 'none',
      kind: 'stat',
      words: UP_DOWN,
      of: { 'store, worst of all replicas': least('store_up') },
      runbooks: ['StoreDown'],
    },
    {
      title: 'Store fullness',
      says: 'Bytes used of what the store may hold. Unknown (–) when Redis has no memory limit, which StoreUnsafe says.',
      unit: 'percentunit',
      kind: 'gauge',
      max: 1,
      of: { used: `max (${own('store_used_bytes')} / ${own('store_capacity_bytes')})` },
      limits: ['StoreFilling', 'StoreNearlyFull'],
    },
    {
      title: 'Store full in',
      says: 'Time until the store is full at the present pace. Infinity: it does not grow.',
      unit: 's',
      kind: 'stat',
      of: { full: 'store:full_seconds:eta' },
      limits: ['StoreFullSoon'],
    },
    {
      title: 'Store settings',
      says: 'Each setting without which entries can be lost or Redis can die: 1 good, 0 bad.',
      unit: 'none',
      kind: 'stat',
      words: { 0: ['UNSAFE', 'red'], 1: ['safe', 'green'] },
      width: 8,
      of: { '{{check}}': least('store_safe', 'check') },
      runbooks: ['StoreUnsafe'],
    },
    {
      title: 'Store size',
      says: 'Bytes used and the most there may be.',
      unit: 'bytes',
      of: { used: most('store_used_bytes'), capacity: most('store_capacity_bytes') },
    },
    {
      title: 'Store answer time',
      says: 'How long the last ping took, the slowest of all replicas. It is below a millisecond on one machine.',
      unit: 's',
      of: { ping: most('store_ping_seconds', 'instance') },
    },
  ],
}

const streamPanels: readonly Panel[] = [
  {
    title: 'Entries not yet delivered',
    says: 'Entries no consumer of the group has been given: the true backlog, counted, not Redis’ own lag figure.',
    unit: 'short',
    of: { '{{stream}}': most('stream_undelivered_entries', 'stream') },
    runbooks: ['IndexerBehind', 'IntakeAboveDrain'],
  },
  {
    title: 'Behind by',
    says: 'Age of the first entry never delivered. 0 when there is none; a gap when it is not known.',
    unit: 's',
    of: { '{{stream}}': most('stream_oldest_undelivered_age_seconds', 'stream') },
    limits: ['IndexerBehind', 'IndexerFarBehind'],
  },
  {
    title: 'Backlog is known',
    says: 'Whether undelivered entries can be counted. If not, silence about a backlog means nothing.',
    unit: 'none',
    kind: 'stat',
    width: 8,
    words: YES_NO,
    height: 8,
    of: { '{{stream}}': least('stream_undelivered_known', 'stream') },
    runbooks: ['UndeliveredUnknown'],
  },
  {
    title: 'Entries stored',
    says: 'Length of each stream: what is waiting, in work, and not yet trimmed.',
    unit: 'short',
    of: { '{{stream}}': most('stream_entries', 'stream') },
  },
  {
    title: 'Age of the oldest entry stored',
    says: 'How long ago the oldest entry still stored was appended.',
    unit: 's',
    of: { '{{stream}}': most('stream_oldest_entry_age_seconds', 'stream') },
  },
  {
    title: 'Delivered and not acknowledged',
    says: 'Entries in work. Bounded by batch size times replicas; beyond that somebody took work and went away.',
    unit: 'short',
    of: { '{{stream}}': most('stream_pending_entries', 'stream') },
    runbooks: ['IndexerConsumerGroupLag', 'PendingIdle'],
  },
  {
    title: 'Longest idle pending entry',
    says: 'Time since the pending entry that nobody touched for longest was delivered.',
    unit: 's',
    of: { '{{stream}}': most('stream_oldest_pending_idle_seconds', 'stream') },
    limits: ['PendingIdle'],
  },
  {
    title: 'Most deliveries of one entry',
    says: 'An entry given out again and again is one that fails whoever takes it; it is on its way to the dead letters.',
    unit: 'none',
    of: { '{{stream}}': most('stream_pending_deliveries', 'stream') },
  },
  {
    title: 'Consumers',
    says: 'Names in the group. Abandoned: it holds entries and has said nothing for five minutes.',
    unit: 'none',
    of: { '{{stream}} {{state}}': most('stream_consumers', 'stream, state') },
    runbooks: ['ConsumerAbandoned'],
  },
  {
    title: 'Deliveries',
    says: 'Entries handed to consumers per second, for the first time and again.',
    unit: 'ops',
    of: { '{{stream}} {{kind}}': rate('stream_deliveries_total', 'stream, kind') },
  },
  {
    title: 'Acknowledged and trimmed',
    says: 'Entries finished, and entries deleted because every group has finished them.',
    unit: 'ops',
    of: {
      'acknowledged {{stream}}': rate('stream_acknowledged_total', 'stream'),
      'trimmed {{stream}}': rate('stream_trimmed_entries_total', 'stream'),
    },
  },
  {
    title: 'Claims',
    says: 'Entries taken over from another consumer, by kind: work that somebody began and did not end.',
    unit: 'short',
    kind: 'bars',
    of: { '{{stream}} {{kind}}': added('stream_claims_total', 'stream, kind') },
  },
  {
    title: 'Dead letters',
    says: 'Entries put aside, by stream. They wait for a person; nothing else touches them.',
    unit: 'short',
    of: { '{{stream}}': most('stream_dead_letters', 'stream') },
    runbooks: ['DeadLettersGrowing'],
  },
  {
    title: 'Entries lost',
    says: 'Entries that were gone before the group acknowledged them. Anything above zero is lost data.',
    unit: 'short',
    kind: 'bars',
    of: { '{{stream}}': added('stream_entries_lost_total', 'stream') },
    limits: ['StreamEntriesLost'],
  },
]

export const streamsRow: Row = { title: 'Streams read', panels: streamPanels }

export const processRow: Row = {
  title: 'Process',
  panels: [
    {
      title: 'Ready',
      says: 'What /readyz answers: stores reachable, work possible.',
      unit: 'none',
      kind: 'stat',
      words: { 0: ['not ready', 'red'], 1: ['ready', 'green'] },
      width: 6,
      of: { '{{instance}}': own('service_ready') },
      runbooks: ['ServiceNotReady'],
    },
    {
      title: 'Running since',
      says: 'Time since the process started. Several small figures mean a crash loop.',
      unit: 's',
      kind: 'stat',
      width: 6,
      of: { '{{instance}}': since(own('process_start_time_seconds')) },
      runbooks: ['ServiceRestarting'],
    },
    {
      title: 'Builds',
      says: 'Which build answers where. More than one for long is a deploy that did not finish.',
      unit: 'none',
      kind: 'table',
      width: 12,
      height: 4,
      of: { build: own('build_info') },
      runbooks: ['MixedVersions'],
    },
    {
      title: 'CPU',
      says: 'Cores used by each process; its JavaScript has one.',
      unit: 'percentunit',
      of: {
        'all {{instance}}': rate('process_cpu_seconds_total', 'instance'),
        'user {{instance}}': rate('process_cpu_user_seconds_total', 'instance'),
        'system {{instance}}': rate('process_cpu_system_seconds_total', 'instance'),
      },
    },
    {
      title: 'Memory',
      says: 'Resident memory, and the JavaScript heap inside it. Resident that climbs without end is a leak.',
      unit: 'bytes',
      of: {
        'resident {{instance}}': own('process_resident_memory_bytes'),
        'heap used {{instance}}': own('nodejs_heap_size_used_bytes'),
        'heap total {{instance}}': own('nodejs_heap_size_total_bytes'),
        'external {{instance}}': own('nodejs_external_memory_bytes'),
      },
    },
    {
      title: 'Event loop lag',
      says: 'How late timers run: p50, p99, and the worst of the last 15 s. While it stands, nothing moves.',
      unit: 's',
      of: {
        'p50 {{instance}}': own('nodejs_eventloop_lag_p50_seconds'),
        'p99 {{instance}}': own('nodejs_eventloop_lag_p99_seconds'),
        'max {{instance}}': own('nodejs_eventloop_lag_max_seconds'),
      },
      limits: ['EventLoopStalled'],
    },
    {
      title: 'Garbage collection',
      says: 'Share of time spent collecting garbage, by kind.',
      unit: 'percentunit',
      of: { '{{kind}}': rate('nodejs_gc_duration_seconds_sum', 'kind') },
    },
    {
      title: 'Open files',
      says: 'File descriptors in use and how many are allowed.',
      unit: 'short',
      of: { open: most('process_open_fds'), allowed: most('process_max_fds') },
    },
    {
      title: 'What keeps the loop busy',
      says: 'Handles and requests open in the Node.js runtime: sockets, timers, files.',
      unit: 'short',
      of: { resources: total('nodejs_active_resources'), handles: total('nodejs_active_handles') },
    },
    {
      title: 'Time to make a scrape',
      says: 'How long it takes to read all metrics, and how old they are when they are told: a busy service tells those it read before.',
      unit: 's',
      of: {
        ...quantiles('monitoring_scrape_seconds'),
        'age {{instance}}': own('monitoring_figures_age_seconds'),
      },
      runbooks: ['ScrapeSlow'],
    },
    {
      title: 'Series exported',
      says: 'Series in the last scrape. It is bounded by the closed label sets and hardly moves.',
      unit: 'short',
      of: { '{{instance}}': own('monitoring_series') },
      limits: ['TooManySeries'],
    },
    {
      title: 'Metrics left out of scrapes',
      says: 'Metrics whose value could not be read in time: what they would show is unknown, not zero.',
      unit: 'short',
      kind: 'bars',
      of: { '{{instance}}': added('monitoring_collect_errors_total', 'instance') },
      limits: ['MetricsUnreadable'],
    },
  ],
}
