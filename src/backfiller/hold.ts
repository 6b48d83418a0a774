/**
 * The mark of an entry whose host is away: since when it has been put back for that. It travels in a field beside rsky's `repo`,
 * which rsky does not read, so it outlives restarts and reaches whichever backfiller takes the entry next. A letter of the dead
 * does not carry it: replayed, the entry has all its time again.
 */
import type { Fields } from '../stream/log.ts'

const FIELD = 'held_since'

/** Milliseconds since its host was first found away; null when it was not. */
export const heldForMs = (fields: Fields, now = Date.now()): number | null => {
  const since = Date.parse(fields[FIELD] ?? '')
  return Number.isNaN(since) ? null : Math.max(0, now - since)
}

export const markHeld = (fields: Fields, now = Date.now()): Fields =>
  heldForMs(fields, now) === null ? { ...fields, [FIELD]: new Date(now).toISOString() } : fields

export const withoutMark = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([name]) => name !== FIELD))
