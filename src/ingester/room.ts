/** What the parts of one ingester share, handed to each of them. */
import type { Logger } from '../lib/logger.ts'
import type { ProblemList } from '../monitoring/status.ts'
import type { InHand, Ledgers } from './conservation.ts'
import type { IngesterMetrics } from './metrics.ts'
import type { Settings } from './options.ts'
import type { Output } from './output.ts'
import type { RecentCommits } from './recent.ts'
import type { Upstream } from './upstream.ts'

export type Room = {
  readonly settings: Settings
  readonly logger: Logger
  readonly metrics: IngesterMetrics
  readonly output: Output
  readonly problems: ProblemList
  /** null when a single relay is followed: there are no copies to recognise. */
  readonly recent: RecentCommits | null
  readonly upstreams: readonly Upstream[]
  readonly inHand: InHand
  readonly ledgers: Ledgers
}
