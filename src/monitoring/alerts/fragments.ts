/** Pieces of PromQL that many rules are made of, named by what they say. */
import type { Clock } from './alert.ts'

/** Our services, whatever their number: the jobs of monitoring/prometheus.yml. */
export const OURS = 'job=~"rust-.+"'

/** Live streams. A backlog in the others is work ahead, not lateness. */
export const LIVE = 'stream!~".+_backfill"'

/** The gauge as last seen: a scrape that fails hides it for a moment, and must not reset the `for` of an alert. */
export const recent = (clock: Clock, selector: string): string =>
  `last_over_time(${selector}[${clock.range(60)}])`

/** Services run only the parts they were told to. */
export const whilePartRuns = (part: 'firehose' | 'repos' | 'labels'): string =>
  `and on (job, instance) ingester_part_running{part="${part}"} == 1`
