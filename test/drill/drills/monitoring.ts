/** Faults of those who watch. */
import { REPO_BACKFILL_DLQ } from '../../../src/event/streams.ts'
import { Cable } from '../cable.ts'
import type { Drill } from '../drill.ts'
import { restartedWith, withTargets } from '../faults.ts'

const DEAD_ALERTMANAGER = '127.0.0.1:9'

/** Where what was there waits. */
const KEPT = 'drill:kept'

const MANY_HOSTS = Array.from({ length: 400 }, (_, i) => `http://127.0.0.1:${i + 10}`)

export const monitoring: readonly Drill[] = [
  {
    // The voice of a living Prometheus stops; whoever listens outside notices the silence.
    alert: 'Watchdog',
    // Silence is heard after some intervals of the voice.
    delay: 5,
    heardAt: 'silence',
    fast: true,
    after: 300,
    fault: async ({ prometheus }) => {
      await prometheus.program.kill()
      return () => prometheus.program.start()
    },
  },
  {
    // Somebody keeps something else under a name of ours: one figure cannot be read, the others can.
    alert: 'MetricsUnreadable',
    also: ['UndeliveredUnknown', 'SeriesAbsent', 'StoreUnsafe', 'DeadLettersGrowing'],
    fault: async ({ redis }) => {
      await redis.send('RENAME', REPO_BACKFILL_DLQ, KEPT).catch(() => null)
      await redis.send('SET', REPO_BACKFILL_DLQ, 'no stream')
      return async () => {
        await redis.send('DEL', REPO_BACKFILL_DLQ)
        await redis.send('RENAME', KEPT, REPO_BACKFILL_DLQ).catch(() => null)
      }
    },
  },
  {
    // Its answers come, and late, as over a bad line.
    alert: 'ScrapeSlow',
    after: 300,
    fault: async ({ backfiller: { url, address }, prometheus }) => {
      const line = await Cable.to(url)
      line.slow(1_400)
      const { host } = new URL(line.url)
      await prometheus.reload((config) =>
        withTargets(config, 'rust-backfiller', [host], { instance: address }),
      )
      return async () => {
        await prometheus.reload(null)
        await line.cut()
      }
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
    // It reads the files before it refuses them.
    alert: 'PrometheusConfigReloadFailed',
    delay: 3,
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
