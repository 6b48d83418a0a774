/**
 * Where the reference is at fault in what the captured network does not have, and the living one is made to have: see
 * docs/conformance-living.md.
 */
import { didOf, type History } from './history.ts'
import { among, gateOf, text, type Rule } from './rule.ts'
import { ROW } from './tables.ts'

const ABOUT_A_SUBJECT = ['like', 'repost', 'follow', 'like-via-repost', 'repost-via-repost']

/** The cids of a record that was edited, the present one last; none when it never was. */
const cidsOfEdited = (history: History, uri: string): readonly (string | null)[] => {
  const versions = history.versions(uri)
  return versions.some(({ type }) => type === 'update') ? versions.map(({ cid }) => cid) : []
}

const notificationOfEdited: Rule = {
  name: 'the notification of a record that was edited',
  reason:
    'When a like, repost or follow is edited the reference leaves its notification as it was, even where the record has another subject now. Ours is of the version that exists.',
  explains: (difference, { history }) => {
    const { table, ours, theirs } = difference
    const line = ours ?? theirs
    if (table !== 'notification' || !ABOUT_A_SUBJECT.includes(text(line, 'reason'))) return []
    const cids = cidsOfEdited(history, text(line, 'recordUri'))
    const isOfThePresent = ours === null || text(ours, 'recordCid') === cids.at(-1)
    const isOfThePast = theirs === null || cids.slice(0, -1).includes(text(theirs, 'recordCid'))
    if (cids.length === 0 || !isOfThePresent || !isOfThePast) return []
    return ours && theirs ? among(difference, ['recordCid', 'sortAt']) : [ROW]
  },
}

/** Which of the changes of a post came after the other record was first there. */
const wasEditedAfter = (history: History, post: string, other: string): boolean => {
  const since = history.versions(other)[0]?.position ?? Infinity
  return history.versions(post).some(({ type, position }) => type === 'update' && position > since)
}

const ownReplyThatWasEdited: Rule = {
  name: 'an own reply that was edited',
  reason:
    'For the reference an edit is a delete and an insert: a reply in its own thread stays marked as deleted in `op_thread_reply`. Ours is not.',
  explains: (difference, { history }) => {
    const uri = text(difference.ours, 'uri')
    return difference.table === 'op_thread_reply' &&
      difference.ours?.['deletedAt'] === null &&
      text(difference.theirs, 'deletedAt') !== '' &&
      history.isAlive(uri) &&
      cidsOfEdited(history, uri).length > 0
      ? among(difference, ['deletedAt'])
      : []
  },
}

const ownReplyOfTheGone: Rule = {
  name: 'own replies of a deleted account',
  reason:
    'The reference deletes an account without marking its own replies in `op_thread_reply`. Ours are marked as with any other delete.',
  explains: (difference, { history }) =>
    difference.table === 'op_thread_reply' &&
    difference.theirs?.['deletedAt'] === null &&
    text(difference.ours, 'deletedAt') !== '' &&
    history.deletedAccounts.has(didOf(text(difference.ours, 'uri')))
      ? among(difference, ['deletedAt'])
      : [],
}

const GATES = { hasThreadGate: 'threadgate', hasPostGate: 'postgate' } as const

const gatedThenEdited: Rule = {
  name: 'a gated post that was edited',
  reason:
    'For the reference an edit is a delete and an insert: the post forgets that it is gated, until the gate is edited too. Ours knows.',
  explains: (difference, { history }) => {
    const { table, ours, theirs } = difference
    const uri = text(ours, 'uri')
    if (table !== 'post') return []
    return among(difference, Object.keys(GATES)).filter((column) => {
      const gate = gateOf(uri, GATES[column as keyof typeof GATES])
      return (
        theirs?.[column] === null &&
        ours?.[column] === history.isAlive(gate) &&
        wasEditedAfter(history, uri, gate)
      )
    })
  },
}

const quoteOfEdited: Rule = {
  name: 'quotes of an edited post',
  reason:
    'For the reference an edit is a delete and an insert: the quotes of the post vanish with it. Ours stay.',
  explains: ({ table, ours, theirs }, { history }) =>
    table === 'quote' && theirs === null && wasEditedAfter(history, text(ours, 'subject'), text(ours, 'uri'))
      ? [ROW]
      : [],
}

const repostOfTheGone: Rule = {
  name: 'reposts of the posts of a deleted account',
  reason:
    'The reference deletes the posts of an account without the feed items of their reposts, which go with any other post. Ours go.',
  explains: ({ table, ours, theirs }, { history }) =>
    table === 'feed_item' &&
    ours === null &&
    text(theirs, 'type') === 'repost' &&
    history.deletedAccounts.has(didOf(text(theirs, 'postUri')))
      ? [ROW]
      : [],
}

export const LIVING_RULES: readonly Rule[] = [
  notificationOfEdited,
  ownReplyThatWasEdited,
  ownReplyOfTheGone,
  gatedThenEdited,
  quoteOfEdited,
  repostOfTheGone,
]
