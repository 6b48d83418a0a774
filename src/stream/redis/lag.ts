/**
 * How many entries a group was never given, in O(1). Redis's own `lag` is nil, or wrong, as soon as an entry is deleted in
 * certain places, and every acknowledged entry is deleted here; so it is derived from figures that deletion leaves right.
 * null when none of the rules proves the answer: an unknown lag is never reported as 0.
 */
import type { Reply } from './link.ts'
import { isAfter, list, number, positionOf, record, text, type Position } from './replies.ts'

export type LagFacts = {
  readonly length: number
  /** Position of the oldest stored entry; null when empty. */
  readonly first: Position | null
  readonly lastGenerated: Position
  readonly lastDelivered: Position
  /** null on Redis before 7, as are the next two. */
  readonly entriesAdded: number | null
  readonly maxDeleted: Position | null
  /** Also null after XGROUP SETID, until the group reaches the end once. */
  readonly entriesRead: number | null
  readonly groups: number
  readonly pending: number
}

export const lagOf = (facts: LagFacts): number | null => {
  const { length, first, lastGenerated, lastDelivered } = facts
  // A group that is *ahead* of the stream's last id (a restored or flushed stream) is not a group at its end.
  if (isAfter(lastDelivered, lastGenerated)) return length === 0 ? 0 : null
  if (first === null || !isAfter(lastGenerated, lastDelivered)) return 0
  // Everything stored came after the last delivery.
  if (isAfter(first, lastDelivered)) return length
  return facts.entriesAdded === null ? byPending(facts) : byCounters(facts)
}

/**
 * Redis 7 counts additions and what a group read. The difference is the lag unless an undelivered entry was deleted. XDEL
 * of one shows in `max-deleted-entry-id`. XTRIM of one also removes all that is older, which the rule above has seen, or
 * leaves a difference larger than the stream, which is no answer.
 */
const byCounters = ({
  entriesAdded,
  entriesRead,
  maxDeleted,
  lastDelivered,
  length,
}: LagFacts): number | null => {
  if (entriesAdded === null || entriesRead === null || maxDeleted === null) return null
  if (isAfter(maxDeleted, lastDelivered)) return null
  const lag = entriesAdded - entriesRead
  return lag >= 0 && lag <= length ? lag : null
}

/**
 * Redis 6.2 keeps no counters. With one group, whose acks delete (ours and rsky's do), what is stored is pending or
 * undelivered. Somebody else's XDEL or XGROUP SETID makes this inexact until what it touched is acknowledged.
 */
const byPending = ({ groups, length, pending }: LagFacts): number | null =>
  groups === 1 && length >= pending ? length - pending : null

/** From XINFO STREAM and XINFO GROUPS. null when the group does not exist. */
export const lagFacts = (streamInfo: Reply, groupsInfo: Reply, group: string): LagFacts | null => {
  const stream = record(streamInfo)
  const groups = list(groupsInfo).map((item) => record(item))
  const own = groups.find((item) => text(item.get('name')) === group)
  if (own === undefined) return null
  const first = text(list(stream.get('first-entry'))[0])
  const maybe = (reply: Reply | undefined) => (text(reply) === null ? null : number(reply))
  const maxDeleted = text(stream.get('max-deleted-entry-id'))
  return {
    length: number(stream.get('length')),
    first: first === null ? null : positionOf(first),
    lastGenerated: positionOf(text(stream.get('last-generated-id')) ?? '0-0'),
    lastDelivered: positionOf(text(own.get('last-delivered-id')) ?? '0-0'),
    entriesAdded: maybe(stream.get('entries-added')),
    maxDeleted: maxDeleted === null ? null : positionOf(maxDeleted),
    entriesRead: maybe(own.get('entries-read')),
    groups: groups.length,
    pending: number(own.get('pending')),
  }
}
