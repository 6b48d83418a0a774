/** Judges saved positions: are they there, plausible, and moving while events come? Pure. */
import { LIST_REPOS_DONE } from '../../../event/streams.ts'
import { error, info, ok, warning, type Finding } from '../finding.ts'
import { SAMPLE_MS } from '../sampling.ts'
import type { CursorFacts } from '../redis/streams.ts'

export type CursorsAsked = {
  readonly cursors: readonly CursorFacts[]
  /** Events that the ingesters took from relays meanwhile; null when no ingester was asked. */
  readonly eventsMeanwhile: number | null
  readonly isHeldBack: boolean
}

/** Below this, events may all be of a batch that is not written yet. */
const ENOUGH_EVENTS = 200

export const checkCursors = (asked: CursorsAsked): Finding[] => {
  const { cursors } = asked
  const firehose = cursors.filter(({ key }) => key.startsWith('firehose_live:'))
  if (cursors.length === 0)
    return [
      info('streams.cursors', 'No cursor of the configured hosts is saved.', {
        why: 'No ingester has worked on this Redis, or under other hosts: keys contain the host as configured.',
        fix: "redis-cli --scan --pattern '*:cursor:*'",
      }),
    ]
  const wrong = [...firehose.flatMap((cursor) => checkValue(cursor)), ...checkStill(firehose, asked)]
  return wrong.length > 0 ? wrong : [ok('streams.cursors', cursors.map(describe).join('; '))]
}

const describe = ({ key, before, after }: CursorFacts): string => {
  const value = after ?? 'gone'
  if (value === LIST_REPOS_DONE) return `${key} is done`
  return before === after ? `${key} is ${value}` : `${key} moved from ${before ?? 'none'} to ${value}`
}

const checkValue = ({ key, after }: CursorFacts): Finding[] => {
  if (after === '1')
    return [
      error('streams.cursor_one', `${key} is 1.`, {
        why: 'An early rsky ingester saved the number of the frame’s kind instead of the event’s: every restart replays all that the relay still has, or begins at the wrong place.',
        fix: `redis-cli SET ${key} <seq of the newest event>   # ingester stopped; or DEL it to begin at --initial-cursor`,
      }),
    ]
  if (after !== null && !/^\d+$/.test(after))
    return [
      error('streams.cursor_value', `${key} is "${after.slice(0, 40)}", which is no sequence number.`, {
        why: 'The ingester refuses to start with it (exit code 65).',
        fix: `redis-cli SET ${key} <seq>   # or DEL it to begin at --initial-cursor`,
      }),
    ]
  return []
}

const checkStill = (firehose: readonly CursorFacts[], asked: CursorsAsked): Finding[] => {
  const { eventsMeanwhile, isHeldBack } = asked
  const still = firehose.every(({ before, after }) => before === after)
  if (firehose.length === 0 || !still || isHeldBack || (eventsMeanwhile ?? 0) < ENOUGH_EVENTS) return []
  return [
    warning(
      'streams.cursor_still',
      `${eventsMeanwhile} events came within ${SAMPLE_MS / 1_000} s and no cursor moved.`,
      {
        why: 'After a restart the ingester reads all of it again; when it stays so, the saved position falls out of what the relay keeps.',
        fix: 'look at the log of the ingester: does the store refuse what it writes?',
      },
    ),
  ]
}
