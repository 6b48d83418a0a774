/**
 * What only history can tell: the reference saw each event alone and at its time, and kept what it concluded. A record that is
 * gone when its consequences are worked out (deleted in the same batch, or before what depends on it arrived) leaves none.
 */
import { isZero } from './counts.ts'
import { among, ancestorsOf, gateOf, quotedBy, replyOf, text, type Facts, type Rule } from './rule.ts'
import { ROW, type Row } from './tables.ts'

const REPLY_FLAGS = ['violatesThreadGate', 'invalidReplyRoot']

type Gate = { readonly allow?: readonly unknown[] }

const isTrue = (row: Row | null, column: string): boolean => row?.[column] === true

const gateWithAPast: Rule = {
  name: 'a thread gate with a past',
  reason:
    'A gate that was edited or deleted judged the replies of its time. Where it is gone when reply and gate are looked at together, nobody can say how it would have judged: the reply is let in.',
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

const gateAlreadyGone: Rule = {
  name: 'a gate that had already gone',
  reason:
    'A reply or quote that meets a gate which was deleted, or replaced, before it was written (the deletion arrives last) is turned away, and stays so. In the order of the stream it cannot happen.',
  explains: (difference, { history }) => {
    const { table, ours, theirs } = difference
    const record = history.record(text(ours, 'uri'))
    const [root, quoted] = [replyOf(record)?.root, quotedBy(record)?.uri]
    const isLate = (column: string, gate: string | undefined): boolean =>
      table === 'post' &&
      gate !== undefined &&
      history.hasPast(gate) &&
      isTrue(ours, column) &&
      !isTrue(theirs, column)
    return [
      ...(isLate('violatesThreadGate', root && gateOf(root, 'threadgate'))
        ? among(difference, REPLY_FLAGS)
        : []),
      ...(isLate('violatesEmbeddingRules', quoted && gateOf(quoted, 'postgate'))
        ? among(difference, ['violatesEmbeddingRules'])
        : []),
    ]
  },
}

const lateGateFacts: Rule = {
  name: 'a reply before what its gate asks for',
  reason:
    'A gate that admits those who are mentioned, followed, following or listed is asked when reply and gate meet. Where the mentioning post, the follow or the list item arrives after both, the reply stays turned away: arrivals of follows do not look for replies. In the order of the stream it cannot happen.',
  explains: (difference, { history }) => {
    const root = replyOf(history.record(text(difference.ours, 'uri')))?.root
    const gate = root && (history.record(gateOf(root, 'threadgate')) as Gate)
    return difference.table === 'post' &&
      gate &&
      !history.hasPast(gateOf(root, 'threadgate')) &&
      (gate.allow ?? []).length > 0 &&
      difference.ours?.['violatesThreadGate'] === true &&
      difference.theirs?.['violatesThreadGate'] !== true
      ? among(difference, REPLY_FLAGS)
      : []
  },
}

const postGateWithAPast: Rule = {
  name: 'a post gate with a past',
  reason:
    'As with thread gates: a post gate that was deleted forbade the quotes of its time, and cannot be asked any more when quote and gate are looked at together.',
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

const flagsOf = (facts: Facts, side: 'ours' | 'theirs', uri: string): Row | undefined =>
  facts[side]['post']?.find((row) => row['uri'] === uri)

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
    'A reply notifies the authors above it as far as the posts lead. Where a post in between, or the one replied to, was deleted before the two were looked at together, nothing leads further up.',
  explains: ({ table, ours, theirs }, { history }) => {
    const line = ours ?? theirs
    if (table !== 'notification' || text(line, 'reason') !== 'reply' || (ours && theirs)) return []
    const above = ancestorsOf(history, text(line, 'recordUri'))
    const subject = above.indexOf(text(line, 'reasonSubject'))
    return above.slice(0, subject + 1).some((uri) => history.wasDeleted(uri)) ? [ROW] : []
  },
}

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

const replyThatWent: Rule = {
  name: 'an own reply that came and went',
  reason:
    'A reply in its own thread that is deleted stays in `op_thread_reply`, marked. One that was never seen, because create and delete arrived together or the other way round, leaves no line.',
  explains: ({ table, ours, theirs }, { history }) =>
    table === 'op_thread_reply' && !(ours && theirs) && history.wasDeleted(text(ours ?? theirs, 'uri'))
      ? [ROW]
      : [],
}

const hiddenReply: Rule = {
  name: 'a reply below one that is hidden',
  reason:
    'A thread gate that hides a reply keeps replies to that reply from notifying further up. Where the gate arrives after them, they have notified already. In the order of the stream it is as in the reference.',
  explains: ({ table, ours, theirs }, { history }) => {
    if (table !== 'notification' || theirs !== null || text(ours, 'reason') !== 'reply') return []
    const uri = text(ours, 'recordUri')
    const root = replyOf(history.record(uri))?.root
    const gate = root && (history.record(gateOf(root, 'threadgate')) as { hiddenReplies?: readonly string[] })
    const above = ancestorsOf(history, uri)
    const below = above.slice(0, above.indexOf(text(ours, 'reasonSubject')))
    return gate && below.some((post) => gate.hiddenReplies?.includes(post)) ? [ROW] : []
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

export const HISTORY_RULES: readonly Rule[] = [
  gateWithAPast,
  postGateWithAPast,
  notificationOfVerdict,
  deletedAncestor,
  verificationThatWent,
  replyThatWent,
  zeroLine,
]

/** Limits of ours: what depends on the order of arrival although everything is there in the end. */
export const ORDER_RULES: readonly Rule[] = [gateAlreadyGone, lateGateFacts, hiddenReply]
