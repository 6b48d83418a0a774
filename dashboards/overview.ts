/** Is it well, and if not, where? One screen, ten seconds. */
import { FRESHNESS } from '../src/monitoring/alerts/freshness.ts'
import type { Page } from './model.ts'
import { LIVE, UP_DOWN } from './parts.ts'
import { least, most, own, quantile, quantiles, rate, since } from './promql.ts'

const residuals = ['ingester', 'backfiller', 'indexer'].map(
  (service) => [service, `max (abs(${own(`${service}_conservation_residual`)}))`] as const,
)

export const overview: Page = {
  name: 'overview',
  title: 'Overview',
  says: 'Is it well, and if not, where? The first row answers the first question, the second row the other.',
  jobsWith: 'build_info',
  rows: [
    {
      title: 'Is it well?',
      panels: [
        {
          title: 'Freshness now',
          says: '95 of 100 live events are committed to PostgreSQL within this time of their event time. The objective: 99 of 100 within 30 s. – means no live event came.',
          unit: 's',
          kind: 'stat',
          steps: ['green', [FRESHNESS.withinSeconds / 3, 'orange'], [FRESHNESS.withinSeconds, 'red']],
          of: { p95: quantile(0.95, 'indexer_freshness_seconds', '', LIVE) },
          runbooks: ['FreshnessBudgetBurnFast'],
        },
        {
          title: 'Behind by',
          says: 'Age of the first entry that no indexer has been given yet, the worst stream. – means it is not known, which is an alert of its own.',
          unit: 's',
          kind: 'stat',
          of: { worst: most('stream_oldest_undelivered_age_seconds') },
          limits: ['IndexerBehind', 'IndexerFarBehind'],
        },
        {
          title: 'Drained in',
          says: 'Time until the slowest stream is empty at the present pace. Infinity: it grows or stands still.',
          unit: 's',
          kind: 'stat',
          of: { slowest: 'max (stream:drain_seconds:eta)' },
          steps: ['green', [3600, 'orange'], [86400, 'red']],
          runbooks: ['IntakeAboveDrain'],
        },
        {
          title: 'Alerts firing',
          says: 'Without the two that always may: Watchdog and InfoInhibitor. The table below names them.',
          unit: 'none',
          kind: 'stat',
          of: {
            firing: 'count (ALERTS{alertstate="firing", alertname!~"Watchdog|InfoInhibitor"}) or vector(0)',
          },
          steps: ['green', [1, 'red']],
        },
        {
          title: 'Error budget left',
          says: 'Of the live events that may miss the freshness objective, the share still unspent. Below 0 the objective is missed.',
          unit: 'percentunit',
          kind: 'stat',
          of: { budget: 'slo:freshness:error_budget_remaining' },
          steps: ['red', [0, 'orange'], [0.25, 'green']],
          runbooks: ['FreshnessBudgetBurnSlow'],
        },
        {
          title: 'Unaccounted for',
          says: 'Received minus written, filtered, dropped, duplicate and in flight, the worst stage. Anything but 0 is a leak.',
          unit: 'short',
          kind: 'stat',
          of: Object.fromEntries(residuals),
          limits: ['ConservationBroken'],
        },
        {
          title: 'Up, by job',
          says: 'The worst instance of each job, as Prometheus sees it.',
          unit: 'none',
          kind: 'stat',
          width: 24,
          height: 3,
          words: UP_DOWN,
          of: { '{{job}}': least('up', 'job') },
          runbooks: ['TargetDown', 'JobAbsent', 'SeriesAbsent'],
        },
      ],
    },
    {
      title: 'And if not, where?',
      panels: [
        {
          title: 'Upstream silent for',
          says: 'Seconds since the relay that has been silent longest sent a frame.',
          unit: 's',
          kind: 'stat',
          of: { silence: most('ingester_seconds_since_last_frame') },
          limits: ['FirehoseSilent'],
        },
        {
          title: 'Ingester waits',
          says: 'Whether back-pressure holds the ingester: the streams after it are full.',
          unit: 'none',
          kind: 'stat',
          words: { 0: ['flowing', 'green'], 1: ['waiting', 'orange'] },
          of: { 'back-pressure': most('ingester_backpressure_active') },
          runbooks: ['IngesterBackpressure', 'BackpressureTooLong'],
        },
        {
          title: 'Store used',
          says: 'Bytes used of what the store may hold. – when it has no limit.',
          unit: 'percentunit',
          kind: 'stat',
          of: { used: `max (${own('store_used_bytes')} / ${own('store_capacity_bytes')})` },
          limits: ['StoreFilling', 'StoreNearlyFull'],
        },
        {
          title: 'Repos waiting',
          says: 'Repos queued for the backfiller.',
          unit: 'short',
          kind: 'stat',
          of: { repos: most('backfiller_repos_waiting') },
          runbooks: ['BackfillStalled'],
        },
        {
          title: 'Last commit',
          says: 'Time since an indexer last committed anything.',
          unit: 's',
          kind: 'stat',
          of: { ago: since(most('indexer_last_commit_time_seconds')) },
          runbooks: ['IndexerStuck'],
        },
        {
          title: 'Database',
          says: 'Whether PostgreSQL answers, and how many of its connections are in use.',
          unit: 'none',
          kind: 'stat',
          words: UP_DOWN,
          of: { PostgreSQL: least('database_up') },
          runbooks: ['DatabaseDown'],
        },
        {
          title: 'Firing alerts',
          says: 'What fires, worst first. Watchdog is always here: it is the proof that alerts arrive.',
          unit: 'none',
          kind: 'table',
          width: 12,
          runbooks: [
            'Watchdog',
            'InfoInhibitor',
            'PrometheusRuleFailures',
            'PrometheusNotConnectedToAlertmanager',
            'PrometheusConfigReloadFailed',
            'PrometheusNotificationErrors',
          ],
          of: { alert: 'max by (alertname, severity, service) (ALERTS{alertstate="firing"})' },
        },
        {
          title: 'Flow',
          says: 'The pipeline in four lines: a line that leaves the others says where it is stuck.',
          unit: 'eps',
          width: 12,
          of: {
            'received from relays': rate('ingester_firehose_events_total'),
            'written to streams': rate('ingester_stream_events_total'),
            'records from repos': rate('backfiller_records_extracted_total'),
            'committed to PostgreSQL': rate('indexer_events_processed_total'),
          },
          runbooks: ['IndexedRateLow'],
        },
      ],
    },
    {
      title: 'The last hour',
      panels: [
        {
          title: 'Freshness of live events',
          says: 'Event time to COMMIT, of events that came over the firehose.',
          unit: 's',
          of: quantiles('indexer_freshness_seconds', LIVE),
        },
        {
          title: 'Backlog',
          says: 'Entries that no consumer has been given yet, by stream.',
          unit: 'short',
          of: { '{{stream}}': most('stream_undelivered_entries', 'stream') },
        },
        {
          title: 'Failures',
          says: 'Failures per second by service. Some are the network’s: look at the page of the service.',
          unit: 'ops',
          of: {
            ingester: rate('ingester_errors_total'),
            backfiller: rate('backfiller_repos_failed_total'),
            indexer: rate('indexer_errors_total'),
          },
        },
      ],
    },
  ],
}
