/**
 * The objective of freshness: 99 % of live events are committed within 30 s of their own time. Owns its arithmetic: windows,
 * burn rates (from the budget of 30 days), recordings and alerts. It says nothing while nothing is committed; IndexerStuck does.
 */
import type { Alert, Clock, Recording } from './alert.ts'

export const FRESHNESS = { withinSeconds: 30, objective: 0.99, stream: 'firehose_live' } as const

const WINDOWS = {
  '5m': 300,
  '30m': 1_800,
  '1h': 3_600,
  '2h': 7_200,
  '6h': 21_600,
  '1d': 86_400,
  '3d': 259_200,
} as const
type Window = keyof typeof WINDOWS

const BUDGET = Math.round((1 - FRESHNESS.objective) * 1e6) / 1e6

const errorRatio = (clock: Clock, window: Window): Recording => {
  const range = clock.range(WINDOWS[window])
  // Prometheus 2 keeps a whole bound as it is told, 3 as a decimal.
  const fresh = `indexer_freshness_seconds_bucket{stream="${FRESHNESS.stream}", le=~"${FRESHNESS.withinSeconds}([.]0)?"}`
  const all = `indexer_freshness_seconds_count{stream="${FRESHNESS.stream}"}`
  return {
    record: `slo:freshness_error:ratio_rate${window}`,
    expr: `1 - sum(rate(${fresh}[${range}])) / sum(rate(${all}[${range}]))`,
    help: `Share of the live events of the last ${window} that were not committed within ${FRESHNESS.withinSeconds} s of their event time.`,
  }
}

export const freshnessRecordings = (clock: Clock): readonly Recording[] => [
  ...(Object.keys(WINDOWS) as Window[]).map((window) => errorRatio(clock, window)),
  {
    record: 'slo:freshness:error_budget_remaining',
    expr: `1 - slo:freshness_error:ratio_rate3d / ${BUDGET}`,
    help: 'What is left of the budget of late events, over 3 days: 1 is all, 0 none, below 0 overdrawn.',
  },
]

/** Budget spent `factor` times as fast as it lasts, over a long window and still now. */
const burning = (factor: number, long: Window, short: Window): string => {
  const limit = Math.round(factor * BUDGET * 1e6) / 1e6
  return `(slo:freshness_error:ratio_rate${long} > ${limit} and slo:freshness_error:ratio_rate${short} > ${limit})`
}

export const freshnessAlerts = (_clock: Clock): readonly Alert[] => [
  {
    name: 'FreshnessBudgetBurnFast',
    expr: `${burning(14.4, '1h', '5m')}\n  or ${burning(6, '6h', '30m')}`,
    forSeconds: 120,
    severity: 'critical',
    service: 'pipeline',
    summary: '{{ $value | humanizePercentage }} of live events are late: a month of budget is gone in days',
    description:
      'Events reach the database more than 30 s after they happened. Check first where the time goes: ingester_event_age_seconds before the stream, indexer_append_to_commit_seconds after it.',
    dashboard: 'overview',
  },
  {
    name: 'FreshnessBudgetBurnSlow',
    expr: `${burning(3, '1d', '2h')}\n  or ${burning(1, '3d', '6h')}`,
    forSeconds: 3_600,
    severity: 'warning',
    service: 'pipeline',
    summary: '{{ $value | humanizePercentage }} of live events are late: the budget will not last the month',
    description:
      'Lateness is small and steady. Check first at which hours it happens, on the panel of freshness over the week; then what else uses the database then.',
    dashboard: 'overview',
  },
]
