/** What a network looks like to those who come late and fetch its repositories: the same records, without their past. */
import { normalizeDatetime } from '../../src/atproto/syntax.ts'
import { didOf, type History } from './history.ts'
import { repoAnswers } from './network.ts'
import { among, ancestorsOf, gateOf, text, type Rule } from './rule.ts'
import { ROW, type Row } from './tables.ts'

const notGivenOut = new Set(
  Object.entries(repoAnswers).flatMap(([did, { getRepo }]) => (getRepo === 200 ? [] : [did])),
)

/** Whose row it is. */
const ownerOf = (table: string, row: Row | null): string => {
  if (table === 'notification') return text(row, 'author')
  const uri = text(row, 'uri') || text(row, 'postUri')
  return text(row, 'creator') || text(row, 'originatorDid') || text(row, 'did') || didOf(uri)
}

const isMissing = (history: History, uri: string): boolean =>
  history.wasDeleted(uri) || notGivenOut.has(didOf(uri))

const fetchTime: Rule = {
  name: 'the time of the fetch',
  reason:
    'What came by a backfill was indexed when it was fetched: `indexedAt` is later than in the golden file. `sortAt` is the lesser of `createdAt` and `indexedAt`: `createdAt`, or the time of the fetch where that lies in the future.',
  explains: (difference, { history }) => {
    const { table, ours, theirs } = difference
    const uri = text(ours, table === 'notification' ? 'recordUri' : 'uri')
    const written = history.record(uri)['createdAt']
    const createdAt = typeof written === 'string' ? normalizeDatetime(written) : null
    const isLesser = ['sortAt', 'sortedAt'].some(
      (name) => createdAt !== null && text(ours, name) > text(theirs, name) && text(ours, name) <= createdAt,
    )
    return [
      ...(text(ours, 'indexedAt') > text(theirs, 'indexedAt') ? among(difference, ['indexedAt']) : []),
      ...(isLesser ? among(difference, ['sortAt', 'sortedAt']) : []),
    ]
  },
}

const notFetched: Rule = {
  name: 'an account whose repo is not given out',
  reason:
    'The repositories of accounts that are deactivated, taken down or deleted cannot be fetched: a backfill has none of their rows.',
  explains: ({ table, ours, theirs }) =>
    ours === null && notGivenOut.has(ownerOf(table, theirs)) ? [ROW] : [],
}

const missingAncestor: Rule = {
  name: 'a reply below a post that is not there',
  reason:
    'A reply whose parent was deleted, or belongs to an account whose repo is not given out, hangs in the air: `invalidReplyRoot`, and nobody beyond the gap is notified. The reference judged it when the parent was there.',
  explains: (difference, { history }) => {
    const { table, ours, theirs } = difference
    const uri = text(ours ?? theirs, table === 'notification' ? 'recordUri' : 'uri')
    if (!ancestorsOf(history, uri).some((post) => isMissing(history, post))) return []
    if (table === 'post' && ours?.['invalidReplyRoot'] === true)
      return among(difference, ['invalidReplyRoot', 'violatesThreadGate'])
    return table === 'notification' && ours === null && text(theirs, 'reason') === 'reply' ? [ROW] : []
  },
}

const unseenDelete: Rule = {
  name: 'a deletion that was never seen',
  reason:
    'A repost or quote of a deleted post is a record like any other; that its subject was there, and was deleted, a backfill has not seen: its feed item or quote row stays. The same goes for notifications to a deleted account.',
  explains: ({ table, ours, theirs }, { history }) => {
    if (theirs !== null) return []
    const subject =
      table === 'feed_item' ? text(ours, 'postUri') : table === 'quote' ? text(ours, 'subject') : ''
    const isOfDeleted = subject !== '' && history.wasDeleted(subject)
    const isToDeleted = table === 'notification' && history.deletedAccounts.has(text(ours, 'did'))
    return isOfDeleted || isToDeleted ? [ROW] : []
  },
}

const unseenGate: Rule = {
  name: 'a gate that was never seen',
  reason:
    'The marks `hasThreadGate` and `hasPostGate` are false where a gate was deleted, and null where there never was one, as far as a backfill knows.',
  explains: (difference, { history }) => {
    const { table, ours, theirs } = difference
    const kinds = { hasThreadGate: 'threadgate', hasPostGate: 'postgate' } as const
    return (['hasThreadGate', 'hasPostGate'] as const).filter(
      (column) =>
        table === 'post' &&
        difference.columns.includes(column) &&
        ours?.[column] === null &&
        theirs?.[column] === false &&
        history.wasDeleted(gateOf(text(ours, 'uri'), kinds[column])),
    )
  },
}

export const BACKFILL_RULES: readonly Rule[] = [
  fetchTime,
  notFetched,
  missingAncestor,
  unseenDelete,
  unseenGate,
]
