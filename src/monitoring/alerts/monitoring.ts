/** Who watches the watcher: Prometheus itself, the scrapes, and the two alerts that are machinery. */
import type { Alert, Clock, RuleGroup } from './alert.ts'
import { OURS } from './fragments.ts'

const machinery = (): readonly Alert[] => [
  {
    name: 'Watchdog',
    expr: 'vector(1)',
    forSeconds: 0,
    severity: 'none',
    service: 'monitoring',
    summary: 'Alerts reach you (this one always fires: {{ $value }})',
    description:
      'It goes to a dead man’s switch, which calls when it stops coming. Check first, when it is missing, whether Prometheus and Alertmanager run.',
    dashboard: 'overview',
  },
  {
    name: 'InfoInhibitor',
    expr: `count(ALERTS{alertstate="firing", severity="info"}) > 0
  unless on () count(ALERTS{alertstate="firing", severity=~"warning|critical"}) > 0`,
    forSeconds: 0,
    severity: 'none',
    service: 'monitoring',
    summary: '{{ $value }} alerts of severity info fire and nothing worse does',
    description:
      'It keeps alerts of severity info silent until something worse fires beside them. Check first nothing: this is machinery.',
    dashboard: 'overview',
  },
]

const scrapes = (clock: Clock): readonly Alert[] => [
  {
    name: 'MetricsUnreadable',
    expr: `increase(monitoring_collect_errors_total{${OURS}}[${clock.range(600)}]) > 0`,
    forSeconds: 300,
    severity: 'warning',
    service: 'target',
    summary: '{{ $labels.instance }} left {{ $value | humanize }} metrics out of its scrapes',
    description:
      'Reading their values failed, so alerts on them are blind. Check first the log of that instance, which names each, and whether its store answers quickly.',
    dashboard: 'systemHealth',
  },
  {
    name: 'ScrapeSlow',
    expr: `avg_over_time(scrape_duration_seconds{${OURS}}[${clock.range(300)}]) > 1`,
    forSeconds: 600,
    severity: 'warning',
    service: 'target',
    summary: 'A scrape of {{ $labels.instance }} takes {{ $value | humanizeDuration }}',
    description:
      'Beyond 10 s Prometheus gives up and the target counts as down. Check first EventLoopStalled and the answer time of the store (store_ping_seconds).',
    dashboard: 'systemHealth',
  },
  {
    name: 'TooManySeries',
    expr: `max_over_time(monitoring_series{${OURS}}[${clock.range(300)}]) > 2000`,
    forSeconds: 600,
    severity: 'warning',
    service: 'target',
    summary: '{{ $labels.instance }} exports {{ $value | humanize }} series',
    description:
      'All labels are closed sets, so this cannot grow with the network; only the configured hosts and streams count. Check first how many upstreams that instance has.',
    dashboard: 'systemHealth',
  },
]

const prometheus = (clock: Clock): readonly Alert[] => [
  {
    name: 'PrometheusRuleFailures',
    expr: `sum by (job, instance) (increase(prometheus_rule_evaluation_failures_total[${clock.range(300)}])) > 0`,
    forSeconds: 300,
    severity: 'critical',
    service: 'monitoring',
    summary: '{{ $value | humanize }} evaluations of rules failed at {{ $labels.instance }}',
    description:
      'Alerts whose rules fail cannot fire. Check first the page of rules in Prometheus, which shows the error of each.',
    dashboard: 'systemHealth',
  },
  {
    name: 'PrometheusNotConnectedToAlertmanager',
    expr: `max_over_time(prometheus_notifications_alertmanagers_discovered[${clock.range(300)}]) < 1`,
    forSeconds: 300,
    severity: 'critical',
    service: 'monitoring',
    summary: '{{ $labels.instance }} knows {{ $value }} Alertmanagers',
    description:
      'Alerts fire and nobody is told; only the dead man’s switch notices. Check first the section alerting of its configuration.',
    dashboard: 'systemHealth',
  },
  {
    name: 'PrometheusConfigReloadFailed',
    expr: `max_over_time(prometheus_config_last_reload_successful[${clock.range(300)}]) == 0`,
    forSeconds: 300,
    severity: 'warning',
    service: 'monitoring',
    summary: '{{ $labels.instance }} still runs its former configuration (reload successful = {{ $value }})',
    description:
      'It refused the new files and lives on with the old; a restart would fail. Check first `promtool check config`.',
    dashboard: 'systemHealth',
  },
  {
    name: 'PrometheusNotificationErrors',
    expr: `sum by (job, instance) (rate(prometheus_notifications_errors_total[${clock.range(300)}]))
  / sum by (job, instance) (rate(prometheus_notifications_sent_total[${clock.range(300)}])) > 0.01`,
    forSeconds: 600,
    severity: 'critical',
    service: 'monitoring',
    summary:
      '{{ $value | humanizePercentage }} of the alerts that {{ $labels.instance }} sends do not arrive',
    description:
      'Alertmanager refuses them or does not answer. Check first whether it runs and its address is right.',
    dashboard: 'systemHealth',
  },
]

export const monitoring = (clock: Clock): RuleGroup => ({
  name: 'monitoring',
  alerts: [...machinery(), ...scrapes(clock), ...prometheus(clock)],
})
