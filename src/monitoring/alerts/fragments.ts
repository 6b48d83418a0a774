/** Pieces of PromQL that many rules are made of, named by what they say. */
import type { Clock } from './alert.ts'

/** Our services, whatever their number: the jobs of monitoring/prometheus.yml. */
export const OURS = 'job=~"rust-.+"'

/** Live streams. A backlog in the others is work ahead, not lateness. */
export const LIVE = 'stream!~".+_backfill"'

/** The gauge as last seen: a scrape that fails hides it for a moment, and must not reset the `for` of an alert. */
export const recent = (clock: Clock, selector: string): string =>
  `last_over_time(${selector}[${clock.range(60)}])`

/**
 * A figure that is never negative over a range, without the moments at which it was not known: one NaN among the samples of a
 * slope is NaN for as long as the range is long.
 */
export const knownOver = (clock: Clock, figure: string, seconds: number): string =>
  `(${figure} >= 0)[${clock.range(seconds)}:]`

/** Services run only the parts they were told to. */
export const whilePartRuns = (part: 'firehose' | 'repos' | 'labels'): string =>
  `and on (job, instance) ingester_part_running{part="${part}"} == 1`

/**
 * Some metrics of rsky carry a label `type`, and so do the seed's targets (`type: rust`). Prometheus then renames the metric's own to
 * `exported_type`, unless the job says honor_labels. What is excluded under both names is right in either case.
 */
export const typeIsNot = (values: string): string => `type!~"${values}", exported_type!~"${values}"`

/** The WebSockets to relays. */
export const RELAY_SOCKETS = `ingester_websocket_connections{${typeIsNot('labels')}}`
