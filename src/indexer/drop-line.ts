/**
 * What is written down of an event that was dropped as invalid. Pure. Guarantees that a line can be stored whatever the event
 * holds: every text is cut to a bound, and has neither U+0000 nor half a surrogate pair; and that an event that comes again
 * gives the same key.
 */
import type { StreamEvent } from '../event/event.ts'
import { normalizeDatetime } from '../atproto/syntax.ts'
import { recordUri } from './collection.ts'
import { collectionByNsid } from './collections/index.ts'
import type { InvalidReason } from './drop-reasons.ts'
import { recordKey, type Invalid } from './plan.ts'

export type DropLine = {
  readonly key: string
  readonly did: string
  /** Of the record, or of the repository when the event is about no record. */
  readonly uri: string
  readonly rev: string | null
  /** Time of the event; null: it has none that can be read. */
  readonly at: string | null
  readonly reason: InvalidReason
  readonly detail: string
}

/** The longest that the protocol allows for DID and path, with room for the rest. */
const MAX = { did: 2_048, uri: 3_000, rev: 64, detail: 300 }

const storable = (text: string, max: number): string =>
  text.slice(0, max).toWellFormed().replaceAll('\u0000', '\ufffd')

export const linesOf = (invalid: readonly Invalid[]): readonly DropLine[] => {
  const lines = invalid.map(lineOf)
  return [...new Map(lines.map((line) => [line.key, line])).values()]
}

const lineOf = ({ event, reason }: Invalid): DropLine => {
  const { did, time } = event
  const uri = 'collection' in event ? recordUri(did, event.collection, event.rkey) : `at://${did}`
  const rev = 'rev' in event ? event.rev : null
  return {
    key: recordKey(did, [reason, rev ?? time, uri].join('\n')),
    did: storable(did, MAX.did),
    uri: storable(uri, MAX.uri),
    rev: rev === null ? null : storable(rev, MAX.rev),
    at: normalizeDatetime(time),
    reason,
    detail: storable(detailOf(event, reason), MAX.detail),
  }
}

const detailOf = (event: StreamEvent, reason: InvalidReason): string => {
  switch (reason) {
    case 'invalid_record':
      return objectionTo(event)
    case 'invalid_rev':
      return `no revision: ${'rev' in event ? quoted(event.rev) : ''}`
    case 'invalid_time':
      return `no time: ${quoted(event.time)}`
    case 'unstorable_text':
      return 'U+0000, or half of a surrogate pair'
    case 'too_deep':
      return 'nested too deep'
    case 'foreign_list':
      return 'the list belongs to another account'
    case 'foreign_gate':
      return 'the gate is not of the post that it names'
  }
}

/** Cut first: what is quoted may be as long as an entry. */
const quoted = (text: string): string => JSON.stringify(text.slice(0, MAX.rev))

const objectionTo = (event: StreamEvent): string => {
  if (event.type !== 'create' && event.type !== 'update') return ''
  try {
    return collectionByNsid.get(event.collection)?.objection(event.record) ?? ''
  } catch (error) {
    // Deep enough to exhaust the stack on the way to the words, though not before.
    if (error instanceof RangeError) return ''
    throw error
  }
}
