/** Are the series there that dashboards and alerts count on? Pure. */
import { BACKFILLER_METRICS } from '../../../backfiller/metrics.ts'
import { INDEXER_METRICS } from '../../../indexer/metrics.ts'
import { INGESTER_METRICS } from '../../../ingester/metrics.ts'
import { CONTRACT } from '../../../monitoring/contract.ts'
import type { MetricSpec } from '../../../monitoring/metrics.ts'
import type { ServiceName } from '../../../monitoring/status.ts'
import { error, type Finding } from '../finding.ts'
import { someOf } from '../words.ts'
import type { ServiceFacts } from './facts.ts'

export const DECLARED: Readonly<Record<ServiceName, readonly MetricSpec[]>> = {
  ingester: INGESTER_METRICS,
  backfiller: BACKFILLER_METRICS,
  indexer: INDEXER_METRICS,
}

/** Of another make (no /status) only the seed's names are owed. */
const owedNames = (kind: ServiceName, isOurs: boolean): readonly string[] =>
  isOurs
    ? DECLARED[kind].map(({ name, type }) => (type === 'histogram' ? `${name}_count` : name))
    : CONTRACT[kind].filter(({ origin }) => origin === 'seed').map(({ name }) => name)

export const checkNames = (name: string, { kind, status, scraped, url }: ServiceFacts): Finding[] => {
  if (kind === null) return []
  const present = new Set(scraped.samples.map((sample) => sample.name))
  const missing = owedNames(kind, status !== null).filter((owed) => !present.has(owed))
  if (missing.length === 0) return []
  return [
    error('services.series', `${name} lacks ${missing.length} expected metrics: ${someOf(missing)}.`, {
      why: 'Panels that show them say "No data", and alerts on them can never fire. The build is another one than this doctor’s, or the store could not be read during the scrape.',
      fix: `curl -s ${url}/metrics | grep -E '^(build_info|monitoring_collect_errors_total)'`,
    }),
  ]
}
