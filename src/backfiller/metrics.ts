/** Every metric of the backfiller, declared once; the files below say what each counts exactly. */
import type { Registry } from '@prometheus-io/client'
import { registerMetrics, type MetricHandles, type MetricSpec } from '../monitoring/metrics.ts'
import { STORE_METRICS, STREAM_METRICS } from '../monitoring/stream-metrics.ts'
import { errors, output, records, repos, type Readings } from './metrics-contract.ts'
import { conservation, limits, sizes } from './metrics-flow.ts'
import { network, outcomes, state, times } from './metrics-own.ts'

export const backfillerMetrics = (read: Readings) => ({
  ...repos(read),
  ...records(),
  ...output(read),
  ...errors(),
  ...outcomes(),
  ...network(),
  ...times(),
  ...state(read),
  ...conservation(read),
  ...sizes(),
  ...limits(),
})

export type BackfillerMetrics = MetricHandles<ReturnType<typeof backfillerMetrics>>

export const registerBackfillerMetrics = (registry: Registry, read: Readings): BackfillerMetrics =>
  registerMetrics(registry, backfillerMetrics(read))

const nothing = () => 0
const later = async () => 0

/** The declarations alone, for docs and checks. */
const own: readonly MetricSpec[] = Object.values(
  backfillerMetrics({
    waiting: later,
    outputLength: later,
    deadLetters: later,
    memoryBytes: nothing,
    heldHosts: nothing,
    residuals: () => ({ repos: 0, records: 0 }),
  }),
)

/** The declarations alone, for docs and checks. */
export const BACKFILLER_METRICS: readonly MetricSpec[] = [...own, ...STREAM_METRICS, ...STORE_METRICS]
