/** Faults of those who watch. */
import type { Drill } from '../drill.ts'
import { restartedWith } from '../faults.ts'

const DEAD_ALERTMANAGER = '127.0.0.1:9'

const MANY_HOSTS = Array.from({ length: 400 }, (_, i) => `http://127.0.0.1:${i + 10}`)

export const monitoring: readonly Drill[] = [
  {
    // The voice of a living Prometheus stops; whoever listens outside notices the silence.
    alert: 'Watchdog',
    heardAt: 'silence',
    fast: true,
    after: 300,
    fault: async ({ prometheus }) => {
      await prometheus.program.kill()
      return () => prometheus.program.start()
    },
  },
  {
    alert: 'TooManySeries',
    also: ['IngesterErrors', 'LabelerDisconnected', 'ServiceNotReady', 'ScrapeSlow', 'EventLoopStalled'],
    fault: async ({ ingester, labeler }) =>
      restartedWith(ingester, '--labeler-hosts', [labeler.url, ...MANY_HOSTS].join(',')),
  },
  {
    // Two series meet where one was expected.
    alert: 'PrometheusRuleFailures',
    fault: async ({ prometheus }) => {
      const rule = `up + on (type) up`
      await prometheus.addRules(`groups: [{ name: drill, rules: [{ record: drill, expr: '${rule}' }] }]`)
      return () => prometheus.addRules(null)
    },
  },
  {
    alert: 'PrometheusConfigReloadFailed',
    also: [],
    fault: async ({ prometheus }) => {
      await prometheus.reload(() => ({ global: { scrape_interval: 'soon' } }))
      return () => prometheus.reload(null)
    },
  },
  {
    // By its nature nobody can be told: a second Prometheus, or a person who looks, sees it.
    alert: 'PrometheusNotConnectedToAlertmanager',
    heardAt: 'prometheus',
    after: 300,
    fault: async ({ prometheus }) => {
      await prometheus.reload((config) => ({ ...config, alerting: { alertmanagers: [] } }))
      return () => prometheus.reload(null)
    },
  },
  {
    // One of two Alertmanagers is gone; the other tells.
    alert: 'PrometheusNotificationErrors',
    fault: async ({ prometheus, alertmanager }) => {
      const targets = [alertmanager.address, DEAD_ALERTMANAGER]
      const alertmanagers = [{ static_configs: [{ targets }] }]
      await prometheus.reload((config) => ({ ...config, alerting: { alertmanagers } }))
      return () => prometheus.reload(null)
    },
  },
]
