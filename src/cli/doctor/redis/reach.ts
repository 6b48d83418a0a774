/** A threshold beyond what can ever be: the most entries that the indexers seen here may hold, beside the alert that asks for more. Pure. */
import { READS } from '../../../indexer/loop.ts'
import { productionClock } from '../../../monitoring/alerts/clock.ts'
import { rskyAlerts } from '../../../monitoring/alerts/rsky.ts'
import type { Settings } from '../../config/settings.ts'
import { info, ok, type Finding } from '../finding.ts'
import { countText } from '../words.ts'
import type { StreamFacts } from './streams.ts'

const ALERT = 'IndexerConsumerGroupLag'

/** Of the seed's rule, as it is written. */
const threshold = (): number => {
  const rule = rskyAlerts(productionClock).alerts?.find(({ name }) => name === ALERT)
  return Number(/> (\d+)/.exec(rule?.expr ?? '')?.[1])
}

/** `streams`: those that indexers read, as one group. */
export const checkReach = (
  streams: readonly StreamFacts[],
  { indexerGroup, indexerBatchSize }: Pick<Settings, 'indexerGroup' | 'indexerBatchSize'>,
): Finding[] => {
  const readers = streams
    .flatMap(({ groups }) => groups)
    .filter(({ name }) => name === indexerGroup)
    .reduce((sum, { consumers }) => sum + consumers.length, 0)
  if (readers === 0) return []
  const most = readers * READS * indexerBatchSize
  const limit = threshold()
  const text = `${ALERT} asks for more than ${countText(limit)} entries in hand; ${readers} readers of batches of ${countText(indexerBatchSize)} hold ${countText(most)} at most.`
  if (most > limit) return [ok('redis.reach', text)]
  return [
    info('redis.reach', text, {
      why: 'It can fire only where a reader takes more than its batches, or leaves with them. Lateness is told by IndexerBehind, IndexerStuck and PendingIdle.',
    }),
  ]
}
