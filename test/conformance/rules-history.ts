/**
 * What only history can tell: the reference saw each event alone and at its time, and kept what it concluded. A record that is
 * gone when its consequences are worked out (deleted in the same batch, or before what depends on it arrived) leaves none.
 */
import { isZero } from './counts.ts'
import { text, type Rule } from './rule.ts'
import { ROW } from './tables.ts'

const verificationThatWent: Rule = {
  name: 'a verification that came and went',
  reason:
    'A verification that is deleted tells its subject twice, `verified` and `unverified`. One that was never seen, because create and delete arrived together or the other way round, tells nothing.',
  explains: ({ table, ours, theirs }, { history }) => {
    const line = ours ?? theirs
    const isWord = ['verified', 'unverified'].includes(text(line, 'reason'))
    return table === 'notification' &&
      isWord &&
      !(ours && theirs) &&
      history.wasDeleted(text(line, 'recordUri'))
      ? [ROW]
      : []
  },
}

const zeroLine: Rule = {
  name: 'a line of zeros',
  reason:
    'Whether a subject that nobody likes (any more) has a line of zeros or none in `post_agg` and `profile_agg` depends on history; the AppView reads both as 0.',
  explains: ({ table, ours, theirs }) => {
    const only = ours === null ? theirs : theirs === null ? ours : null
    return only !== null && table.endsWith('_agg') && isZero(only) ? [ROW] : []
  },
}

export const HISTORY_RULES: readonly Rule[] = [verificationThatWent, zeroLine]
