/** Where the reference itself is at fault, or shows what no other clock can repeat. True in every run. */
import { countedForTheGone, countersOf, keyOfAggregate, recount } from './counts.ts'
import { didOf } from './history.ts'
import { among, gateOf, quotedBy, text, type Facts, type Rule } from './rule.ts'
import { ROW } from './tables.ts'

/** The reference promoted this duplicate: it holds the row now, and its line in duplicate_record was left. */
const wasPromoted = ({ history, theirs }: Facts, uri: string): boolean => {
  const line = (theirs['duplicate_record'] ?? []).find((row) => row['uri'] === uri)
  return line !== undefined && history.isAlive(uri) && history.wasDeleted(text(line, 'duplicateOf'))
}

const promotedDuplicateRow: Rule = {
  name: 'the line of a promoted duplicate',
  reason:
    'When the holder of a duplicate key is deleted, the reference promotes the oldest duplicate and leaves its line in `duplicate_record`, although it is no duplicate any more. Ours goes.',
  explains: ({ table, ours, theirs }, { history, theirs: { duplicate_record: _, ...others } }) =>
    table === 'duplicate_record' &&
    ours === null &&
    history.isAlive(text(theirs, 'uri')) &&
    history.wasDeleted(text(theirs, 'duplicateOf')) &&
    Object.entries(others).some(
      ([name, rows]) =>
        name !== 'record' && rows.some((row) => row['uri'] === theirs?.['uri'] && 'creator' in row),
    )
      ? [ROW]
      : [],
}

const duplicateOfDeleted: Rule = {
  name: 'a duplicate of a deleted record',
  reason:
    'After a promotion the remaining duplicates still point at the deleted holder in the reference, so that they can never be promoted. Ours point at the record that holds the row.',
  explains: (difference, { history }) =>
    difference.table === 'duplicate_record' &&
    history.wasDeleted(text(difference.theirs, 'duplicateOf')) &&
    history.isAlive(text(difference.ours, 'duplicateOf'))
      ? among(difference, ['duplicateOf'])
      : [],
}

const promotedNotification: Rule = {
  name: 'the notification of a promoted duplicate',
  reason:
    'On a promotion the reference keeps the notification of the deleted record and makes none for the promoted one. Ours names the record that exists.',
  explains: ({ table, ours, theirs }, facts) => {
    if (table !== 'notification') return []
    const isPromoted = ours !== null && wasPromoted(facts, text(ours, 'recordUri'))
    const wasHolder =
      theirs !== null &&
      facts.history.wasDeleted(text(theirs, 'recordUri')) &&
      (facts.theirs['duplicate_record'] ?? []).some((row) => row['duplicateOf'] === theirs['recordUri'])
    return isPromoted || wasHolder ? [ROW] : []
  },
}

const LEFT_BEHIND = ['feed_item', 'quote', 'starter_pack', 'verification']

const goneAccountRows: Rule = {
  name: 'rows of a deleted account',
  reason:
    'The reference deletes an account without its `feed_item`, `quote`, `starter_pack` and `verification` rows, and without the quotes of its posts. Ours removes every record the way an ordinary delete would.',
  explains: ({ table, ours, theirs }, { history }) => {
    if (ours !== null || !LEFT_BEHIND.includes(table)) return []
    const owners = [text(theirs, 'uri'), ...(table === 'quote' ? [text(theirs, 'subject')] : [])]
    return owners.some((uri) => history.deletedAccounts.has(didOf(uri))) ? [ROW] : []
  },
}

const goneAccountCounts: Rule = {
  name: 'counts of a deleted account',
  reason:
    'The reference does not count anew what a deleted account had liked, reposted, followed, answered and posted. Its figure must be exactly ours and that many more.',
  explains: (difference, facts) =>
    among(difference, Object.keys(countersOf(difference.table))).filter((column) => {
      const counter = countersOf(difference.table)[column]
      const key = keyOfAggregate(difference)
      if (!counter || !difference.ours || !difference.theirs) return false
      const gone = countedForTheGone(facts.history, counter, key)
      return (
        gone > 0 &&
        difference.ours[column] === recount(facts.ours, counter, key) &&
        difference.theirs[column] === recount(facts.theirs, counter, key) + gone
      )
    }),
}

const quoteCountByCid: Rule = {
  name: 'quotes counted by cid',
  reason:
    'The reference counts the quotes of a post as those of the cid that the newest quote names, whatever post they are of. Ours counts by uri.',
  explains: (difference, { history, theirs }) => {
    const uri = text(difference.theirs, 'uri')
    const cids = history.uris.flatMap((quote) => {
      const quoted = quotedBy(history.record(quote))
      return quoted?.uri === uri ? [quoted.cid] : []
    })
    const counts = cids.map(
      (cid) => (theirs['quote'] ?? []).filter((row) => row['subjectCid'] === cid).length,
    )
    return difference.table === 'post_agg' && counts.includes(difference.theirs?.['quoteCount'] as number)
      ? among(difference, ['quoteCount'])
      : []
  },
}

export const quotesOfDeletedPost: Rule = {
  name: 'quotes of a deleted post',
  reason:
    'When a post is deleted the reference deletes the quotes of it without counting anew: `quoteCount` stays at what it was. Ours goes to 0.',
  explains: (difference, { history }) => {
    const uri = text(difference.theirs, 'uri')
    const quotes = history.uris.filter((quote) => quotedBy(history.record(quote))?.uri === uri)
    return difference.table === 'post_agg' &&
      history.wasDeleted(uri) &&
      difference.ours?.['quoteCount'] === 0 &&
      difference.theirs?.['quoteCount'] === quotes.length
      ? among(difference, ['quoteCount'])
      : []
  },
}

const repostsOfEditedPost: Rule = {
  name: 'reposts of an edited post',
  reason:
    "For the reference an edit is a delete and an insert: the feed items of the post's reposts vanish with it. Ours stay.",
  explains: ({ table, ours, theirs }, { history }) => {
    if (table !== 'feed_item' || theirs !== null || text(ours, 'type') !== 'repost') return []
    const repost = history.versions(text(ours, 'uri')).at(-1)?.position ?? Infinity
    return history
      .versions(text(ours, 'postUri'))
      .some(({ type, position }) => type === 'update' && position > repost)
      ? [ROW]
      : []
  },
}

const gateBeforePost: Rule = {
  name: 'a gate that came before its post',
  reason:
    'The reference marks a post as gated only when the post is there as the gate arrives. Ours marks it whatever comes first.',
  explains: (difference, { history }) => {
    const uri = text(difference.ours, 'uri')
    const first = (of: string): number => history.versions(of)[0]?.position ?? Infinity
    return difference.table === 'post' &&
      difference.ours?.['hasThreadGate'] === true &&
      difference.theirs?.['hasThreadGate'] === null &&
      first(gateOf(uri, 'threadgate')) < first(uri)
      ? among(difference, ['hasThreadGate'])
      : []
  },
}

const joinedByFirstProfile: Rule = {
  name: 'joined by a starter pack, then edited',
  reason:
    'The reference notifies of a join when the profile is created and leaves that notification as it is when the profile is edited. Ours names the version that exists.',
  explains: (difference, { history }) => {
    const versions = history.versions(text(difference.ours, 'recordUri'))
    return text(difference.ours, 'reason') === 'starterpack-joined' &&
      difference.ours?.['recordCid'] === versions.at(-1)?.cid &&
      difference.theirs?.['recordCid'] === versions[0]?.cid
      ? among(difference, ['recordCid', 'sortAt'])
      : []
  },
}

const ownClock: Rule = {
  name: 'a clock of its own',
  reason:
    "Three values are the reference's own time, masked with `*` in the golden file: when an own reply was marked deleted, the date of a profile that has none, the time of `unverified`. Ours must have a value there, and it is the time of the event.",
  explains: ({ table, columns, ours, theirs }) =>
    columns.filter((column) => {
      const isClock = theirs?.[column] === '*' || (table === 'op_thread_reply' && column === 'deletedAt')
      return isClock && text(ours, column) !== '' && text(theirs, column) !== ''
    }),
}

/** Not a difference of its own: both sides count their rows rightly, and the rows differ for a reason of their own. */
const countsFollowRows: Rule = {
  name: 'counts of rows that differ',
  reason:
    'Where rows differ for a reason of their own, their counts differ by just as many: on both sides the figure is the number of rows.',
  explains: (difference, facts) =>
    Object.keys(countersOf(difference.table)).flatMap((column) => {
      const counter = countersOf(difference.table)[column]
      const key = keyOfAggregate(difference)
      const holds =
        counter &&
        (difference.ours?.[column] ?? 0) === recount(facts.ours, counter, key) &&
        (difference.theirs?.[column] ?? 0) === recount(facts.theirs, counter, key)
      return holds && difference.columns.includes(column) ? [column] : []
    }),
}

export const REFERENCE_RULES: readonly Rule[] = [
  promotedDuplicateRow,
  duplicateOfDeleted,
  promotedNotification,
  goneAccountRows,
  goneAccountCounts,
  quoteCountByCid,
  quotesOfDeletedPost,
  repostsOfEditedPost,
  gateBeforePost,
  joinedByFirstProfile,
  ownClock,
  countsFollowRows,
]

/** Events applied without the pipeline: nobody fetches a repo because of a `#sync`. */
export const silentMessages: Rule = {
  name: 'messages that leave no event',
  reason:
    "A `#sync`, and a commit without any operation of a kept collection, moves the reference's `actor_sync`. Here they leave no event: the pipeline fetches the repo after a `#sync`, and the `repo` event of that brings the rev.",
  explains: ({ table, columns, theirs }, { history }) =>
    table === 'actor_sync' && history.silentRevs.has(`${text(theirs, 'did')} ${text(theirs, 'repoRev')}`)
      ? columns
      : [],
}
