/** The three alerts of the seed's document, word for word. Their blind spots are what the other groups are for. */
import type { Clock, RuleGroup } from './alert.ts'

export const rskyAlerts = (clock: Clock): RuleGroup => ({
  name: 'rsky_alerts',
  alerts: [
    {
      name: 'BackfillerHighErrorRate',
      expr: `rate(backfiller_repos_failed_total[${clock.range(300)}]) > 10`,
      forSeconds: 300,
      severity: 'warning',
      service: 'backfiller',
      summary: 'Backfiller error rate is high',
      description:
        'One backfiller fails more than 10 attempts a second. Slower failure of every repo stays below it: BackfillerFailureRatio. Check first which reason rises in backfiller_failures_total.',
      dashboard: 'backfiller',
      verbatim: true,
    },
    {
      name: 'IndexerConsumerGroupLag',
      expr: 'indexer_pending_messages > 100000',
      forSeconds: 600,
      severity: 'warning',
      service: 'indexer',
      summary: 'Indexer falling behind',
      description:
        'More than 100,000 entries are delivered and not acknowledged. Entries not delivered yet do not count here: IndexerBehind. Check first whether the database answers.',
      dashboard: 'indexer',
      verbatim: true,
    },
    {
      name: 'IngesterBackpressure',
      expr: 'ingester_backpressure_active == 1',
      forSeconds: 300,
      severity: 'info',
      service: 'ingester',
      summary: 'Ingester experiencing backpressure',
      description:
        'A part of the ingester waits for its stream to fall below the high-water mark: nothing is lost, and nothing new is read. Check first whether the readers of that stream keep up.',
      dashboard: 'ingester',
      verbatim: true,
    },
  ],
})
