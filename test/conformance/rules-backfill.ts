/** What a network looks like to those who come late and fetch its repositories: the same records, without their past. */
import { normalizeDatetime } from '../../src/atproto/syntax.ts'
import { didOf, type History } from './history.ts'
import { repoAnswers } from './network.ts'
import { among, ancestorsOf, gateOf, quotedBy, replyOf, text, type Facts, type Rule } from './rule.ts'
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

const REPLY_FLAGS = ['violatesThreadGate', 'invalidReplyRoot']

const isTrue = (row: Row | null, column: string): boolean => row?.[column] === true

const flagsOf = (facts: Facts, side: 'ours' | 'theirs', uri: string): Row | undefined =>
  facts[side]['post']?.find((row) => row['uri'] === uri)

const gateWithAPast: Rule = {
  name: 'a thread gate with a past',
  reason:
    'A gate that was edited or deleted judged the replies of its time. A backfill brings what stands now, or nothing: nobody can say how an earlier version would have judged, and the reply is let in.',
  explains: (difference, { history }) => {
    const root = replyOf(history.record(text(difference.ours, 'uri')))?.root
    return difference.table === 'post' &&
      root !== undefined &&
      history.hasPast(gateOf(root, 'threadgate')) &&
      isTrue(difference.theirs, 'violatesThreadGate') &&
      !isTrue(difference.ours, 'violatesThreadGate')
      ? among(difference, REPLY_FLAGS)
      : []
  },
}

const postGateWithAPast: Rule = {
  name: 'a post gate with a past',
  reason:
    'As with thread gates: a post gate that was deleted forbade the quotes of its time, and a backfill does not bring it.',
  explains: (difference, { history }) => {
    const quoted = quotedBy(history.record(text(difference.ours, 'uri')))
    return difference.table === 'post' &&
      quoted &&
      history.hasPast(gateOf(quoted.uri, 'postgate')) &&
      isTrue(difference.theirs, 'violatesEmbeddingRules') &&
      !isTrue(difference.ours, 'violatesEmbeddingRules')
      ? among(difference, ['violatesEmbeddingRules'])
      : []
  },
}

const notificationOfVerdict: Rule = {
  name: 'the notification of a reply or quote that one side turned away',
  reason:
    'Who replies past a thread gate, or quotes past a post gate, notifies nobody. Where the two sides judge the post differently (for a reason of its own), the notification is on the side that let it in.',
  explains: ({ table, ours, theirs }, facts) => {
    const line = ours ?? theirs
    const flag = { reply: 'violatesThreadGate', quote: 'violatesEmbeddingRules' }[text(line, 'reason')]
    if (table !== 'notification' || flag === undefined || (ours && theirs)) return []
    const uri = text(line, 'recordUri')
    const [mine, other] = [flagsOf(facts, 'ours', uri)?.[flag], flagsOf(facts, 'theirs', uri)?.[flag]]
    return (ours ? other : mine) === true && (ours ? mine : other) !== true ? [ROW] : []
  },
}

const deletedAncestor: Rule = {
  name: 'the notification of a reply below a deleted post',
  reason:
    'A reply notifies the authors above it as far as the posts lead. Where a post in between, or the one replied to, was deleted before we listened, nothing leads further up.',
  explains: ({ table, ours, theirs }, { history }) => {
    const line = ours ?? theirs
    if (table !== 'notification' || text(line, 'reason') !== 'reply' || (ours && theirs)) return []
    const above = ancestorsOf(history, text(line, 'recordUri'))
    const subject = above.indexOf(text(line, 'reasonSubject'))
    return above.slice(0, subject + 1).some((uri) => history.wasDeleted(uri)) ? [ROW] : []
  },
}

const replyThatWent: Rule = {
  name: 'an own reply that came and went',
  reason:
    'A reply in its own thread that is deleted stays in `op_thread_reply`, marked. One that was never seen leaves no line.',
  explains: ({ table, ours, theirs }, { history }) =>
    table === 'op_thread_reply' && !(ours && theirs) && history.wasDeleted(text(ours ?? theirs, 'uri'))
      ? [ROW]
      : [],
}
const verificationThatWent: Rule = {
  name: 'a verification that came and went',
  reason:
    'A verification that is deleted tells its subject twice, `verified` and `unverified`. One that was never seen tells nothing.',
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

export const BACKFILL_RULES: readonly Rule[] = [
  fetchTime,
  notFetched,
  missingAncestor,
  unseenDelete,
  unseenGate,
  gateWithAPast,
  postGateWithAPast,
  notificationOfVerdict,
  deletedAncestor,
  replyThatWent,
  verificationThatWent,
]
