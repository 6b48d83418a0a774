/**
 * The durable log: the one store that every service shares. Owns streams, consumer groups, pending entries, checkpoints and
 * a small expiring cache. Guarantees:
 *
 * - `append` resolves once the entries *and* the checkpoint are durable; a crash leaves both or neither. A saved checkpoint
 *   never leads its entries.
 * - `read` delivers at least once per group. What is read and not acknowledged stays pending, is listed by `pending` and can
 *   be taken again with `claim`.
 * - `ack` is the only thing that lets an entry be removed: nothing is trimmed that some group has not acknowledged.
 * - Order within a stream is the order of appends.
 *
 * It refuses to know what an entry means: fields are strings.
 */

import type { StoreFigures, StreamFigures, Watched } from './figures.ts'

/** The fields of one entry. One or a few short names (`event`, `repo`, `labels`) with their payload. */
export type Fields = Readonly<Record<string, string>>

/** A named position, saved together with the entries it covers. */
export type Checkpoint = { readonly name: string; readonly value: string }

export type Entry = {
  /** `<ms>-<n>`, ordered; `<ms>` is the time of the append. */
  readonly id: string
  /** null when the entry was deleted while pending (by someone else's XDEL or XTRIM): only ack is left to do. */
  readonly fields: Fields | null
  /** How often it has been delivered, this time included: 1 for a first delivery. */
  readonly deliveries: number
}

export type PendingEntry = {
  readonly id: string
  readonly consumer: string
  /** Milliseconds since its last delivery. */
  readonly idleMs: number
  readonly deliveries: number
}

/** Who reads: a consumer, in a group, of a stream. */
export type Reader = { readonly stream: string; readonly group: string; readonly consumer: string }

export type ReadOptions = {
  readonly maxEntries: number
  /** Wait this long for a first entry; 0 returns at once. An abort of the signal returns early with nothing. */
  readonly blockMs: number
  readonly signal?: AbortSignal
}

export type StreamStats = {
  /** Entries stored, all groups. */
  readonly length: number
  /** Age of the oldest stored entry in milliseconds; 0 when empty. */
  readonly oldestAgeMs: number
}

export type GroupStats = {
  /** Entries never delivered to the group; null when the store cannot tell (never reported as 0). */
  readonly lag: number | null
  /** Delivered and not acknowledged. */
  readonly pending: number
  /** Milliseconds since the pending entry that waits longest was last delivered; 0 when none is pending. */
  readonly oldestPendingIdleMs: number
}

export interface Log extends AsyncDisposable {
  readonly kind: 'redis' | 'embedded'

  /** Appends in order. `entries` may be empty when only the checkpoint moves. Rejects with TransientError when the store is away. */
  append(stream: string, entries: readonly Fields[], checkpoint?: Checkpoint): Promise<void>
  /** The saved value, or null when there is none. A read that fails rejects; it never means "none". */
  checkpoint(name: string): Promise<string | null>
  /** Every checkpoint whose name starts with `prefix`. */
  checkpoints(prefix: string): Promise<readonly Checkpoint[]>

  /** Creates the group at the start of the stream when absent (and the stream with it). */
  ensureGroup(stream: string, group: string): Promise<void>
  /** New entries for this consumer, oldest first; empty when none came in time. */
  read(reader: Reader, options: ReadOptions): Promise<readonly Entry[]>
  /** The group's pending entries idle for at least `minIdleMs`, oldest id first, from `afterId` (exclusive) on. */
  pending(
    stream: string,
    group: string,
    options: { minIdleMs: number; maxEntries: number; afterId?: string; consumer?: string },
  ): Promise<readonly PendingEntry[]>
  /** Takes pending entries that are still idle for `minIdleMs`; counts as a delivery. Returns those it got. */
  claim(reader: Reader, ids: readonly string[], minIdleMs: number): Promise<readonly Entry[]>
  /** Resets the idle time of entries this consumer is still working on; not a delivery. */
  touch(reader: Reader, ids: readonly string[]): Promise<void>
  /** Acknowledges and frees entries; resolves with how many were still pending. */
  ack(stream: string, group: string, ids: readonly string[]): Promise<number>
  /** Appends `letter` to `deadLetterStream` and acknowledges `id`, together. */
  deadLetter(
    from: { stream: string; group: string; id: string },
    to: { stream: string; fields: Fields },
  ): Promise<void>
  /** Removes what every group has acknowledged and nothing else; resolves with the number of entries removed. */
  trim(stream: string): Promise<number>
  /** Entries of a stream as they are stored, for inspection and replay: oldest first after `afterId`. No group is touched. */
  range(stream: string, options: { afterId?: string; maxEntries: number }): Promise<readonly Entry[]>

  /** O(1) whatever the length. */
  streamStats(stream: string): Promise<StreamStats>
  /** O(1) whatever the length. A missing stream or group yields zeros. */
  groupStats(stream: string, group: string): Promise<GroupStats>
  /** Everything there is to tell of a stream as one group reads it; the same bounded cost whatever the length. */
  streamFigures(watched: Watched): Promise<StreamFigures>
  /** What the store tells of itself now. */
  storeFigures(): Promise<StoreFigures>

  /** A shared cache with expiry; losing it costs time, never data. */
  cacheGet(key: string): Promise<string | null>
  cacheSet(key: string, value: string, ttlMs: number): Promise<void>
}
