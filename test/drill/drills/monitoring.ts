/** Faults of those who watch. */
import { REPO_BACKFILL_DLQ } from '../../../src/event/streams.ts'
import { sleep } from '../../../src/lib/backoff.ts'
import type { Drill } from '../drill.ts'
import { goingOn, restartedWith } from '../faults.ts'

const DEAD_ALERTMANAGER = '127.0.0.1:9'

/** Where what was there waits. */
const KEPT = 'drill:kept'

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
    // It stands still, for longer than a scrape should last, nearly all the time.
    alert: 'ScrapeSlow',
    also: ['EventLoopStalled', 'TargetDown', 'BackfillStalled', 'MetricsUnreadable', 'StoreDown'],
    after: 300,
    fault: async ({ backfiller: { program } }) =>
      goingOn(400, async () => {
        program.pause()
        await sleep(3_200)
        program.resume()
      }),
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
