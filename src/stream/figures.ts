/**
 * What a store tells of a stream, of a group on it, and of itself, when it is asked for figures. Law: exact, or null for "not
 * known"; never a guess and never a 0 that stands for ignorance. Asking costs the same whatever the length of the stream.
 */

/** A stream as one group reads it, and where its dead letters go. */
export type Watched = {
  readonly stream: string
  readonly group: string
  /** null: its length is not wanted. */
  readonly deadLetterStream: string | null
  /** How long a consumer with pending entries is silent before it has abandoned them; 5 minutes. */
  readonly abandonedAfterMs?: number
}

export type StreamFigures = {
  /** Entries stored, all groups. */
  readonly entries: number
  readonly oldestEntryAgeMs: number
  /** Entries after the last one delivered to the group. */
  readonly undelivered: number | null
  /** 0 when there is none. */
  readonly oldestUndeliveredAgeMs: number | null
  readonly pending: number
  /** Both of the oldest 100 pending entries. */
  readonly oldestPendingIdleMs: number
  readonly mostDeliveries: number
  readonly consumers: { readonly active: number; readonly abandoned: number }
  readonly deadLetters: number
  /** The group stands beyond the end of its stream: a stream that was restored or flushed. */
  readonly isGroupAhead: boolean
  /** Entries lost before delivery that were found through this handle since it was opened. No two handles find the same. */
  readonly lost: number
}

/** true good, false bad, null not known. */
export type StoreSafety = {
  readonly eviction: boolean | null
  readonly persistence: boolean | null
  readonly memoryLimit: boolean | null
}

export type StoreFigures = {
  readonly usedBytes: number
  /** null without a limit. */
  readonly capacityBytes: number | null
  readonly pingMs: number
  readonly safety: StoreSafety
}

export const ABANDONED_AFTER_MS = 300_000
/** How many of the oldest pending entries are looked at. */
export const PENDING_SAMPLE = 100
