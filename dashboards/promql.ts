/**
 * Expressions of panels, written so that none can forget what every one needs: the selected jobs and instances, and a range that
 * fits the scrape interval.
 */

/** A metric of the selected jobs and instances. */
export const own = (metric: string, ...matchers: readonly string[]): string =>
  `${metric}{${['job=~"$job"', 'instance=~"$instance"', ...matchers].join(', ')}}`

const over = (operator: string, by: string, inner: string): string =>
  by === '' ? `${operator} (${inner})` : `${operator} by (${by}) (${inner})`

const range = (metric: string, ...matchers: readonly string[]): string =>
  `${own(metric, ...matchers)}[$__rate_interval]`

/** Per second, all replicas together. `by` is empty or label names: `stream, reason`. */
export const rate = (metric: string, by = '', ...matchers: readonly string[]): string =>
  over('sum', by, `rate(${range(metric, ...matchers)})`)

/** How many more in the interval of one point: for what should be rare. */
export const added = (metric: string, by = '', ...matchers: readonly string[]): string =>
  over('sum', by, `increase(${range(metric, ...matchers)})`)

/** Of what every replica measures on the same thing, one; or the worst of what each measures on itself. */
export const most = (metric: string, by = '', ...matchers: readonly string[]): string =>
  over('max', by, own(metric, ...matchers))

export const least = (metric: string, by = '', ...matchers: readonly string[]): string =>
  over('min', by, own(metric, ...matchers))

/** Of what each replica measures on its own, all together. */
export const total = (metric: string, by = '', ...matchers: readonly string[]): string =>
  over('sum', by, own(metric, ...matchers))

export const quantile = (
  share: number,
  histogram: string,
  by = '',
  ...matchers: readonly string[]
): string => {
  const labels = by === '' ? 'le' : `le, ${by}`
  return `histogram_quantile(${share}, ${rate(`${histogram}_bucket`, labels, ...matchers)})`
}

/** p50, p90 and p99 with their legends. */
export const quantiles = (
  histogram: string,
  ...matchers: readonly string[]
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [0.5, 0.9, 0.99].map((share) => [`p${share * 100}`, quantile(share, histogram, '', ...matchers)]),
  )

export const mean = (histogram: string, by = ''): string =>
  `${rate(`${histogram}_sum`, by)} / ${rate(`${histogram}_count`, by)}`

/** How many observations fell into each bucket: for a heatmap. */
export const spread = (histogram: string): string => `sum by (le) (increase(${range(`${histogram}_bucket`)}))`

/** Seconds since a time in Unix seconds. */
export const since = (time: string): string => `time() - ${time}`
