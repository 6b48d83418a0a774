/**
 * What could not be had, kept for repair: ranges as JSON in a checkpoint of the stream, the last hundred, and a problem in words
 * for the operator. Guarantees that a loss is never only a log line.
 */
import { describeError } from '../lib/errors.ts'
import type { Life } from './output.ts'
import type { OutputStream } from './metric-words.ts'
import type { SeqRange } from './position.ts'
import type { Room } from './room.ts'

/** Cursors after which nothing came (`from`, exclusive) up to where it went on (`to`), with the time it was noticed. */
export type LostRange = { readonly from: string; readonly to: string; readonly at: string }

const MAX_RANGES = 100

export const gapKey = (stream: string, host: string): string => `${stream}:gap:${host}`
export const skippedKey = (stream: string, host: string): string => `${stream}:skipped:${host}`

/** The ranges with one more: newest last. What is not ours is replaced. */
export const addRange = (stored: string | null, range: LostRange): string =>
  JSON.stringify([...parseRanges(stored), range].slice(-MAX_RANGES))

export const parseRanges = (stored: string | null): readonly LostRange[] => {
  if (stored === null) return []
  try {
    const value: unknown = JSON.parse(stored)
    return Array.isArray(value) ? (value as LostRange[]) : []
  } catch {
    return []
  }
}

type Loss = { readonly stream: OutputStream; readonly host: string; readonly lost: SeqRange }

/** An outdated cursor: the upstream has dropped what lies between our position and its oldest event. */
export const rememberLoss = async ({ stream, host, lost }: Loss, room: Room, life: Life): Promise<void> => {
  const name = gapKey(stream, host)
  room.problems.add(
    'error',
    `${host} no longer has its events ${lost.from} to ${lost.to}: they are missing from ${stream}.`,
    `We were away longer than it keeps events. Let a backfill fetch the repos again; the range is kept as checkpoint ${name}.`,
  )
  room.logger.error({ host, stream, ...lost }, 'events were lost upstream')
  try {
    const range = { from: String(lost.from), to: String(lost.to), at: new Date().toISOString() }
    const value = addRange(await room.settings.log.checkpoint(name), range)
    await room.output.append({ stream, entries: [], bytes: 0, checkpoint: { name, value } }, life)
  } catch (error) {
    room.logger.error({ host, error: describeError(error) }, 'cannot keep the lost range')
  }
}
