/** Cases of the group `monitoring`. */
import { type AlertCase, flat, type Input, jump, rise, type Samples, then } from './case.ts'

const P = 'job="prometheus", instance="p:1"'
const S = 'job="rust-indexer", instance="x:1", service="indexer"'
const firing = (severity: string, name: string, samples: Samples): Input => ({
  [`ALERTS{alertname="${name}", alertstate="firing", severity="${severity}"}`]: samples,
})
const ofPrometheus = (severity: string) => `${P}, severity="${severity}", service="monitoring"`

export const monitoringCases: readonly AlertCase[] = [
  {
    alert: 'Watchdog',
    says: 'always',
    input: { 'up{job="x"}': flat(1, 10) },
    labels: 'severity="none", service="monitoring"',
    fires: [0, 5],
  },
  {
    alert: 'InfoInhibitor',
    says: 'one piece of information, alone until minute 10',
    input: {
      ...firing('info', 'I', flat(1, 20)),
      ...firing('warning', 'W', then(flat(null, 10), flat(1, 10))),
    },
    labels: 'severity="none", service="monitoring"',
    fires: [0, 9.75],
    silent: [10],
  },
  {
    alert: 'InfoInhibitor',
    says: 'beside something critical, and beside nothing',
    input: { ...firing('info', 'I', flat(1, 20)), ...firing('critical', 'C', flat(1, 20)) },
    silent: [10],
  },
  {
    alert: 'InfoInhibitor',
    says: 'no information',
    input: firing('none', 'Watchdog', flat(1, 20)),
    silent: [10],
  },
  {
    alert: 'InfoInhibitor',
    says: 'information and warning that only might come',
    input: {
      [`ALERTS{alertname="W", alertstate="pending", severity="warning"}`]: flat(1, 20),
      [`ALERTS{alertname="I", alertstate="pending", severity="info"}`]: flat(1, 20),
    },
    silent: [10],
  },
  {
    alert: 'InfoInhibitor',
    says: 'a warning that is pending does not count',
    input: {
      ...firing('info', 'I', flat(1, 20)),
      [`ALERTS{alertname="W", alertstate="pending", severity="warning"}`]: flat(1, 20),
    },
    labels: 'severity="none", service="monitoring"',
    fires: [10],
  },
  {
    alert: 'MetricsUnreadable',
    says: 'one metric, seen for 10 minutes',
    input: {
      [`monitoring_collect_errors_total{${S}}`]: jump(1, 20, 40),
      'monitoring_collect_errors_total{job="other", instance="o:1"}': jump(5, 20, 40),
    },
    labels: `${S}, severity="warning"`,
    fires: [25, 29.75],
    silent: [19.75, 24.75, 30],
  },
  {
    alert: 'ScrapeSlow',
    says: 'a second on average, then 1.04 s from minute 20 to 40',
    input: {
      [`scrape_duration_seconds{${S}}`]: then(flat(1, 20), flat(1.04, 20), flat(0.96, 20)),
      'scrape_duration_seconds{job="other", instance="o:1"}': flat(5, 60),
    },
    labels: `${S}, severity="warning"`,
    fires: [30, 42.25],
    silent: [19.75, 29.75, 43],
  },
  {
    alert: 'TooManySeries',
    says: '2000, then 2001 from minute 10 to 25',
    input: {
      [`monitoring_series{${S}}`]: then(flat(2_000, 10), flat(2_001, 15), flat(9, 15)),
      'monitoring_series{job="other", instance="o:1"}': flat(9_000, 40),
    },
    labels: `${S}, severity="warning"`,
    fires: [20, 29.75],
    silent: [9.75, 19.75, 30],
  },
  {
    alert: 'PrometheusRuleFailures',
    says: 'again and again from minute 10 to 20',
    input: { [`prometheus_rule_evaluation_failures_total{${P}, rule_group="g"}`]: rise(0.2, 10, 20, 40) },
    labels: ofPrometheus('critical'),
    fires: [15.25, 24.75],
    silent: [9.75, 15, 25],
  },
  {
    alert: 'PrometheusNotConnectedToAlertmanager',
    says: 'none from minute 10 to 30',
    input: {
      [`prometheus_notifications_alertmanagers_discovered{${P}}`]: then(
        flat(1, 10),
        flat(0, 20),
        flat(1, 10),
      ),
    },
    labels: ofPrometheus('critical'),
    fires: [20, 29.75],
    silent: [9.75, 19.75, 30],
  },
  {
    alert: 'PrometheusConfigReloadFailed',
    says: 'from minute 10 to 30',
    input: {
      [`prometheus_config_last_reload_successful{${P}}`]: then(flat(1, 10), flat(0, 20), flat(1, 10)),
    },
    labels: ofPrometheus('warning'),
    fires: [20, 29.75],
    silent: [9.75, 19.75, 30],
  },
  {
    alert: 'PrometheusNotificationErrors',
    says: 'more than one in a hundred until minute 40',
    input: {
      [`prometheus_notifications_errors_total{${P}, alertmanager="a"}`]: rise(0.505, 0, 40, 80),
      [`prometheus_notifications_errors_total{${P}, alertmanager="b"}`]: rise(0.505, 0, 40, 80),
      [`prometheus_notifications_sent_total{${P}, alertmanager="a"}`]: rise(50, 0, 80, 80),
      [`prometheus_notifications_sent_total{${P}, alertmanager="b"}`]: rise(50, 0, 80, 80),
    },
    labels: ofPrometheus('critical'),
    fires: [10.25, 40],
    silent: [10, 41],
  },
  {
    alert: 'PrometheusNotificationErrors',
    says: 'eight in a thousand, until nothing is sent after minute 20',
    input: {
      [`prometheus_notifications_errors_total{${P}, alertmanager="a"}`]: rise(0.8, 0, 80, 80),
      [`prometheus_notifications_sent_total{${P}, alertmanager="a"}`]: rise(100, 0, 20, 80),
    },
    labels: ofPrometheus('critical'),
    fires: [31.25],
    silent: [31],
  },
  {
    alert: 'PrometheusNotificationErrors',
    says: 'two in a hundred from minute 20 on',
    input: {
      [`prometheus_notifications_errors_total{${P}, alertmanager="a"}`]: rise(2, 20, 80, 80),
      [`prometheus_notifications_sent_total{${P}, alertmanager="a"}`]: rise(100, 0, 80, 80),
    },
    labels: ofPrometheus('critical'),
    fires: [32.75],
    silent: [32.5],
  },
  {
    alert: 'PrometheusNotificationErrors',
    says: 'one in a hundred',
    input: {
      [`prometheus_notifications_errors_total{${P}, alertmanager="a"}`]: rise(0.99, 0, 80, 80),
      [`prometheus_notifications_sent_total{${P}, alertmanager="a"}`]: rise(100, 0, 80, 80),
    },
    silent: [70],
  },
]
