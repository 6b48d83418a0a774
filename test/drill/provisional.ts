/** Rules until there are rules. */
import type { Alert, Clock, RuleGroup } from '../../src/monitoring/alerts/alert.ts'

const alert = (name: string, expr: string, forSeconds: number, more: Partial<Alert> = {}): Alert => ({
  name,
  expr,
  forSeconds,
  severity: 'warning',
  service: 'pipeline',
  summary: name,
  description: name,
  dashboard: 'overview',
  ...more,
})

export const PROVISIONAL = (clock: Clock): readonly RuleGroup[] => [
  {
    name: 'provisional',
    alerts: [
      alert('Watchdog', 'vector(1)', 0, { severity: 'none' }),
      alert('TargetDown', 'up == 0', 120, { severity: 'critical' }),
      alert('FirehoseSilent', `ingester_seconds_since_last_frame > ${clock.value(60)}`, 60, {
        severity: 'critical',
      }),
      alert('FirehoseDisconnected', `ingester_websocket_connections{type="firehose"} == 0`, 120),
    ],
  },
]

export const PROVISIONAL_ALERTMANAGER = `
route: { receiver: all, group_by: [alertname], group_wait: 30s, group_interval: 5m, repeat_interval: 4h }
receivers: [{ name: all, webhook_configs: [{ url: 'http://x/' }] }]
`
