/** "Available Metrics", "Grafana Dashboard Queries", "Monitoring Dashboards", "Alerting Rules" of the document. */
import { ALERTS, BACKFILLER_TABLE, INDEXER_TABLE, INGESTER_TABLE, QUERIES, type Row } from './seed.ts'
import { query, type Step } from './step.ts'
import { type Item, metricsTable, panelsTable } from './tables.ts'

const metrics = (heading: string, seed: string, rows: readonly Row[]): Step => ({
  heading,
  seed,
  text: 'Highest and lowest are those of all scrapes since the services started, over all series.',
  commands: [{ run: query(`max(max_over_time(${rows[0]?.[0]}[1h]) - min_over_time(${rows[0]?.[0]}[1h]))`) }],
  table: (fleet) => metricsTable(rows, fleet),
})

export const metricTables: readonly Step[] = [
  metrics('Backfiller Metrics (Port 9090)', 'Eleven metrics, “current”.', BACKFILLER_TABLE),
  metrics('Planned Metrics (Ingester - Port 4100)', 'Eight metrics, “planned”.', INGESTER_TABLE),
  metrics('Planned Metrics (Indexer - Port 9090)', 'Twelve metrics, “planned”.', INDEXER_TABLE),
]

/** A figure, and not 0. */
const MOVING = /"value":"(?!0"|NaN)/

export const dashboardQueries: readonly Step[] = QUERIES.map(([heading, expression]) => ({
  heading,
  seed: `\`${expression}\``,
  commands: [
    {
      run: query(expression),
      until: (output) => (heading.includes('Queue') ? /"value":"\d/ : MOVING).test(output),
    },
  ],
}))

const page = (title: string, part: string, items: readonly Item[]): Step => ({
  heading: `${title} Dashboard: ${part}`,
  seed: items.map(([item]) => `“${item}”`).join(', '),
  commands: [],
  table: (fleet) => panelsTable(title, items, fleet),
})

export const dashboards: readonly Step[] = [
  page('System Health', 'Service Uptime', [
    ['up{job="rust-ingester"}', 'Uptime: ingester'],
    ['up{job="rust-backfiller"}', 'Uptime: backfiller'],
    ['up{job="rust-indexer"}', 'Uptime: indexer'],
  ]),
  page('System Health', 'Event Throughput', [
    ['Ingester: Events/sec received', 'Ingester: events received'],
    ['Backfiller: Repos/sec processed', 'Backfiller: repos processed'],
    ['Indexer: Events/sec indexed', 'Indexer: events indexed'],
  ]),
  page('System Health', 'Queue Lengths', [
    ['repo_backfill stream length', 'repo_backfill'],
    ['firehose_backfill stream length', 'firehose_backfill'],
    ['firehose_live stream length', 'firehose_live'],
    ['Consumer group pending counts', 'Consumer group: pending and undelivered'],
  ]),
  page('System Health', 'Error Rates', [
    ['Errors per service', 'Errors per service'],
    ['Failed repos', 'Failed repos'],
    ['Database errors', 'Database errors'],
  ]),
  page('Performance', 'Latency Metrics', [
    ['Processing time per repo (backfiller)', 'Processing time per repo (backfiller)'],
    ['Batch processing time (indexer)', 'Batch processing time (indexer)'],
  ]),
  page('Performance', 'Resource Usage', [
    ['Memory usage per service', 'Memory per service'],
    ['CPU usage', 'CPU usage'],
    ['Database connection pool usage', 'Database connection pool'],
  ]),
  page('Performance', 'Backpressure Indicators', [
    ['Stream lengths approaching high water marks', 'Stream length of its high-water mark'],
    ['Backpressure activation frequency', 'Backpressure activations'],
  ]),
]

/** Loaded, evaluated, and as the document has it to the letter. */
const isVerbatim =
  ({ name, query: expression, duration, severity, summary }: (typeof ALERTS)[number]) =>
  (output: string): boolean => {
    if (output.trim() === '') return false
    const rule = JSON.parse(output) as Record<string, unknown>
    const wanted = { name, query: expression, duration, severity, summary, health: 'ok' }
    return Object.entries(wanted).every(([key, value]) => rule[key] === value)
  }

export const alerts: readonly Step[] = [
  ...ALERTS.map((alert) => ({
    heading: alert.name,
    seed: `\`${alert.query}\` for ${alert.duration / 60} minutes, ${alert.severity}: “${alert.summary}”.`,
    text: `Group \`rsky_alerts\`, loaded word for word. What to do: [runbook](runbooks/${alert.name}.md). That it fires: [drills.md](drills.md); what it does not see: [alerts.md](alerts.md).`,
    commands: [
      {
        run: `curl -s http://localhost:9090/api/v1/rules | jq -c '.data.groups[] | select(.name == "rsky_alerts") | .rules[] | select(.name == "${alert.name}") | {name, query, duration, severity: .labels.severity, summary: .annotations.summary, health, state}'`,
        until: isVerbatim(alert),
      },
    ],
  })),
  {
    heading: 'Prometheus alertmanager',
    seed: '“Example alert definitions for Prometheus alertmanager”.',
    text: 'Prometheus has found Alertmanager, and Alertmanager has heard: `Watchdog` fires always, so that its silence is noticed.',
    commands: [
      { run: 'amtool check-config monitoring/alertmanager.yml' },
      {
        run: 'curl -s http://localhost:9193/api/v2/alerts | jq -c \'.[] | select(.labels.alertname == "Watchdog") | {alert: .labels.alertname, state: .status.state, receivers: [.receivers[].name]}\'',
        until: (output) => output.includes('"active"'),
      },
    ],
  },
]
