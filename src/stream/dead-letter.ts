/** What is kept of an entry that could not be processed. */
import type { Fields } from './log.ts'

export type Letter = {
  readonly id: string
  readonly fields: Fields
  readonly reason: string
  /** Deliveries, the last one included. */
  readonly attempts: number
  /** When the entry was appended. */
  readonly firstAt: Date
  /** When it was given up. */
  readonly lastAt: Date
  readonly stream: string
  readonly group: string
  readonly consumer: string
}

/** The payload as it was, rsky's `reason` and `attempts`, and ours. */
export const letterFields = (letter: Letter): Fields => ({
  ...letter.fields,
  reason: letter.reason,
  attempts: String(letter.attempts),
  first_at: letter.firstAt.toISOString(),
  last_at: letter.lastAt.toISOString(),
  stream: letter.stream,
  group: letter.group,
  consumer: letter.consumer,
  id: letter.id,
})

/** The time of the append is in the id. */
export const appendedAt = (id: string): Date => new Date(Number(id.split('-')[0]))
