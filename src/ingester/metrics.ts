/**
 * Every metric of the ingester, declared once. Names of the seed, of rsky and of its successor keep their name and type; what
 * they count is stated here exactly, because the originals disagreed with their documents. Guarantees that each has a cause.
 */
import type { MetricHandles, MetricSpec } from '../monitoring/metrics.ts'
import { STORE_METRICS } from '../monitoring/stream-metrics.ts'
import { firehose, labels, operations, repos } from './metrics-content.ts'
import { output, streams } from './metrics-flow.ts'
import { hosts } from './metrics-hosts.ts'
import { connections, positions } from './metrics-upstream.ts'
import type { Readings } from './metric-words.ts'

/** `configured`: the hosts of the upstreams, the closed set of the label `host`. */
export const ingesterMetrics = (read: Readings, configured: readonly string[]) => ({
  ...firehose(read),
  ...operations(),
  ...labels(),
  ...repos(read),
  ...output(read),
  ...streams(read),
  ...connections(),
  ...positions(read),
  ...hosts(read, configured.length === 0 ? ['none'] : [...new Set(configured)]),
})

export type IngesterMetrics = MetricHandles<ReturnType<typeof ingesterMetrics>>

const nothing = () => 0
const later = async () => 0

/** The declarations alone, for docs and checks. */
export const INGESTER_METRICS: readonly MetricSpec[] = [
  ...Object.values(
    ingesterMetrics(
      {
        length: later,
        oldestAgeSeconds: later,
        backpressureActive: nothing,
        eventsInMemory: nothing,
        bytesInMemory: nothing,
        secondsSinceLastFrame: nothing,
        cursorAgeSeconds: nothing,
        lastEventTimeSeconds: nothing,
        backfillComplete: nothing,
        running: nothing,
        residual: nothing,
        highWaterMark: nothing,
        perHost: () => [],
      },
      [],
    ),
  ),
  ...STORE_METRICS,
]
