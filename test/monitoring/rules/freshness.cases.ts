/** Cases of the objective of freshness. The recorded ratios stand as given here; recordings.cases.ts tests how they are made. */
import { type AlertCase, flat, then } from './case.ts'

const ratio = (window: string) => `slo:freshness_error:ratio_rate${window}`

type Burn = { readonly long: string; readonly short: string; readonly limit: number }

/** Both windows above the limit for some time; then each of them alone, and exactly at it. */
const burning = (
  alert: string,
  hold: number,
  labels: string,
  { long, short, limit }: Burn,
): readonly AlertCase[] => {
  const above = limit * 1.01
  const bothAbove = then(flat(limit, 5), flat(above, hold + 5), flat(0, 5))
  const steady = flat(above, hold + 15)
  return [
    {
      alert,
      says: `${long} and ${short} above ${limit}`,
      input: { [ratio(long)]: steady, [ratio(short)]: bothAbove },
      labels,
      fires: [5 + hold, 9.75 + hold],
      silent: [4.75, 4.75 + hold, 10 + hold],
    },
    {
      alert,
      says: `${long} at ${limit} exactly, then above`,
      input: { [ratio(long)]: bothAbove, [ratio(short)]: steady },
      labels,
      fires: [5 + hold],
      silent: [4.75 + hold],
    },
    {
      alert,
      says: `only ${short} above ${limit}`,
      input: { [ratio(long)]: flat(limit, hold + 15), [ratio(short)]: steady },
      silent: [hold + 14],
    },
    {
      alert,
      says: `only ${long} above ${limit}`,
      input: { [ratio(long)]: steady, [ratio(short)]: flat(limit, hold + 15) },
      silent: [hold + 14],
    },
  ]
}

const FAST = 'severity="critical", service="pipeline"'
const SLOW = 'severity="warning", service="pipeline"'

export const freshnessCases: readonly AlertCase[] = [
  ...burning('FreshnessBudgetBurnFast', 2, FAST, { long: '1h', short: '5m', limit: 0.144 }),
  ...burning('FreshnessBudgetBurnFast', 2, FAST, { long: '6h', short: '30m', limit: 0.06 }),
  ...burning('FreshnessBudgetBurnSlow', 60, SLOW, { long: '1d', short: '2h', limit: 0.03 }),
  ...burning('FreshnessBudgetBurnSlow', 60, SLOW, { long: '3d', short: '6h', limit: 0.01 }),
]
