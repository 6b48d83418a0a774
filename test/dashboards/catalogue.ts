/** Every series a dashboard may read, with its labels: what the services declare, what the rules record, what Prometheus adds. */
import { RECORDS } from '../../dashboards/limits.ts'
import { readExpression } from '../../dashboards/expression.ts'
import { BACKFILLER_METRICS } from '../../src/backfiller/metrics.ts'
import { INDEXER_METRICS } from '../../src/indexer/metrics.ts'
import { INGESTER_METRICS } from '../../src/ingester/metrics.ts'
import { commonMetrics, createRegistry } from '../../src/monitoring/registry.ts'
import type { MetricSpec } from '../../src/monitoring/metrics.ts'

export const DECLARED: readonly MetricSpec[] = [
  ...INGESTER_METRICS,
  ...BACKFILLER_METRICS,
  ...INDEXER_METRICS,
  ...Object.values(commonMetrics('ingester', '', '')),
]

/** Put on every series by monitoring/prometheus.yml. */
const OF_THE_TARGET = ['job', 'instance', 'service', 'type']

export type Series = { readonly type: MetricSpec['type'] | 'record'; readonly labels: ReadonlySet<string> }

const suffixes = ({ name, type, labels = {} }: MetricSpec): [string, Series][] => {
  const own = [...Object.keys(labels), ...OF_THE_TARGET]
  if (type !== 'histogram') return [[name, { type, labels: new Set(own) }]]
  const series = { type: 'counter', labels: new Set([...own, 'le']) } as const
  return ['_bucket', '_sum', '_count'].map((suffix) => [`${name}${suffix}`, series])
}

/** The client's own metrics of the process, as a registry exports them. */
const ofTheProcess = async (): Promise<[string, Series][]> => {
  const metrics = await createRegistry('ingester', '0.0.0').getMetricsAsJSON()
  return metrics.flatMap(({ name, type }) => {
    const kind = String(type) === 'histogram' ? 'histogram' : name.endsWith('_total') ? 'counter' : 'gauge'
    return suffixes({ name, type: kind, help: '', cause: '', labels: { kind: [], space: [] } })
  })
}

const recorded = [...RECORDS].map(([name, expr]): [string, Series] => [
  name,
  { type: 'record', labels: new Set(readExpression(expr).labels) },
])

const label = (...names: readonly string[]): ReadonlySet<string> => new Set([...OF_THE_TARGET, ...names])

export const knownSeries = async (): Promise<ReadonlyMap<string, Series>> =>
  new Map([
    ...(await ofTheProcess()),
    ...DECLARED.flatMap(suffixes),
    ...recorded,
    ['up', { type: 'gauge', labels: label() }],
    ['ALERTS', { type: 'gauge', labels: label('alertname', 'alertstate', 'severity') }],
  ])
