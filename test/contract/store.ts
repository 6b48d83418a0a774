/** What the contract's tests share: how a store is opened, streams of their own, entries one can count. */
import { randomBytes } from 'node:crypto'
import type { Entry, Fields, Log, Reader } from '../../src/stream/log.ts'

export type OpenedStore = AsyncDisposable & {
  readonly log: Log
  /** Ends the log and opens the same store again, as a restarted process would. */
  reopen(): Promise<Log>
}

export type OpenStore = () => Promise<OpenedStore>

export const uniqueName = (name: string): string => `${name}-${randomBytes(4).toString('hex')}`

export const numbered = (from: number, count: number): Fields[] =>
  Array.from({ length: count }, (_, i) => ({ event: JSON.stringify({ n: from + i }) }))

export const now = { maxEntries: 100, blockMs: 0 }
export const idsOf = (entries: readonly { id: string }[]): string[] => entries.map((entry) => entry.id)
export const numbersOf = (entries: readonly Entry[]): unknown[] =>
  entries.map((entry) => (JSON.parse(entry.fields?.['event'] ?? 'null') as { n: number }).n)

/** A log with one stream and one group on it. */
export const prepare = async (log: Log, group = 'firehose_group') => {
  const stream = uniqueName('stream')
  await log.ensureGroup(stream, group)
  const reader: Reader = { stream, group, consumer: 'one' }
  return { stream, group, reader, other: { ...reader, consumer: 'two' } }
}

export const allPending = (log: Log, { stream, group }: Reader, minIdleMs = 0) =>
  log.pending(stream, group, { minIdleMs, maxEntries: 1_000 })

/** Waits for a condition of the store. */
export const until = async (isTrue: () => Promise<boolean>): Promise<void> => {
  while (!(await isTrue())) await new Promise((resolve) => setTimeout(resolve, 5))
}
