/**
 * What only history can tell, although it says nothing: every other consequence of what is gone is settled from the past that
 * is kept (src/indexer/past.ts), whatever arrived first.
 */
import { isZero } from './counts.ts'
import type { Rule } from './rule.ts'
import { ROW } from './tables.ts'

const zeroLine: Rule = {
  name: 'a line of zeros',
  reason:
    'Whether a subject that nobody likes (any more) has a line of zeros or none in `post_agg` and `profile_agg` depends on history; the AppView reads both as 0.',
  explains: ({ table, ours, theirs }) => {
    const only = ours === null ? theirs : theirs === null ? ours : null
    return only !== null && table.endsWith('_agg') && isZero(only) ? [ROW] : []
  },
}

export const HISTORY_RULES: readonly Rule[] = [zeroLine]
