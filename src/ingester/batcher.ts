/**
 * Gathers what one upstream sends into batches and has them written one after the other. Owns when a batch is due (entries,
 * bytes, age); guarantees order, at most one batch being written and one being filled, and that a checkpoint is the highest
 * position of a batch whose entries all come before or with it. Nothing is dropped: a write that cannot be done keeps us waiting,
 * and what is in hand when the upstream is given up is handed back by `giveUp`.
 */
import type { Fields } from '../stream/log.ts'
import type { SeqRange } from './position.ts'

/** What one frame gave. A frame that was filtered or dropped still has its seq: the cursor must pass it. */
export type BatchItem = {
  readonly seq: number
  readonly entries: readonly Fields[]
  readonly bytes: number
  /** A repo to fetch anew, for `repo_backfill`. */
  readonly resync?: { readonly did: string; readonly fields: Fields } | undefined
  /** Messages that are answered by the resync alone. */
  readonly requests?: number | undefined
  /** Remembered once durable, to recognise the copies of other hosts. */
  readonly key?: string | undefined
  /** Labels inside the entries. */
  readonly labels?: number | undefined
  /** What the upstream no longer had between the item before this one and it. */
  readonly lost?: SeqRange | undefined
}

export type Batch = {
  readonly entries: Fields[]
  /** By DID: a repo is asked for once per batch, for its latest rev. */
  readonly resyncs: Map<string, Fields>
  readonly keys: string[]
  readonly lost: SeqRange[]
  bytes: number
  requests: number
  labels: number
  seq: number
}

export type BatcherOptions = {
  readonly maxEntries: number
  readonly maxBytes: number
  readonly maxAgeMs: number
  /** The age at which a batch without entries is due: only its position moves. */
  readonly maxIdleAgeMs: number
  /** True when durable, false when it was given up. */
  readonly write: (batch: Batch) => Promise<boolean>
  /** In the same tick in which the batch leaves our hands. */
  readonly onWritten: (batch: Batch, durable: boolean) => void
  /** A write failed for good: whoever waits on the upstream must be stopped. */
  readonly onFailure: () => void
}

export class Batcher {
  readonly #options: BatcherOptions
  #open: Batch | null = null
  #writing: Batch | null = null
  #due = false
  #timer: { readonly handle: NodeJS.Timeout; readonly idle: boolean } | null = null
  #changed: (() => void) | null = null
  #failure: { readonly error: unknown } | null = null

  constructor(options: BatcherOptions) {
    this.#options = options
  }

  /** What is in hand, oldest first: gathered and not yet durable. */
  get batches(): readonly Batch[] {
    return [this.#writing, this.#open].filter((batch) => batch !== null)
  }

  /** Lets go of everything, and answers with it. What is being written may become durable all the same; it is told no more. */
  giveUp(): readonly Batch[] {
    const left = this.batches
    this.#open = this.#writing = null
    this.#disarm()
    return left
  }

  /** A promise when the caller must wait before it adds more: both batches are full. It rejects when a write failed for good. */
  add(item: BatchItem): Promise<void> | null {
    const batch = (this.#open ??= emptyBatch(item.seq))
    gather(batch, item)
    if (!this.#isFull(batch)) {
      this.#arm(batch)
      return null
    }
    this.#due = true
    this.#pump()
    return this.#open === null ? null : this.#wait(() => this.#open === null)
  }

  /** Writes what is in hand. */
  async drain(): Promise<void> {
    this.#due = true
    this.#pump()
    await this.#wait(() => this.#open === null && this.#writing === null)
  }

  #isFull(batch: Batch): boolean {
    return entriesIn(batch) >= this.#options.maxEntries || batch.bytes >= this.#options.maxBytes
  }

  #arm(batch: Batch): void {
    const idle = entriesIn(batch) === 0
    if (this.#timer !== null && this.#timer.idle === idle) return
    if (this.#timer !== null && idle) return
    this.#disarm()
    const onTimer = () => {
      this.#timer = null
      this.#due = true
      this.#pump()
    }
    const ageMs = idle ? this.#options.maxIdleAgeMs : this.#options.maxAgeMs
    this.#timer = { handle: setTimeout(onTimer, ageMs), idle }
  }

  #disarm(): void {
    clearTimeout(this.#timer?.handle)
    this.#timer = null
  }

  #pump(): void {
    if (this.#open === null || !this.#due || this.#writing !== null || this.#failure !== null) return
    const batch = this.#open
    this.#writing = batch
    this.#open = null
    this.#due = false
    this.#disarm()
    this.#options.write(batch).then(
      (durable) => this.#written(batch, durable),
      (error: unknown) => this.#fail(error),
    )
  }

  #written(batch: Batch, durable: boolean): void {
    if (this.#writing !== batch) return
    this.#writing = null
    this.#options.onWritten(batch, durable)
    this.#pump()
    this.#changed?.()
  }

  #fail(error: unknown): void {
    this.#failure = { error }
    this.#disarm()
    this.#changed?.()
    this.#options.onFailure()
  }

  async #wait(done: () => boolean): Promise<void> {
    for (;;) {
      if (this.#failure !== null) throw this.#failure.error
      if (done()) return
      await new Promise<void>((resolve) => (this.#changed = resolve))
      this.#changed = null
    }
  }
}

const emptyBatch = (seq: number): Batch => ({
  entries: [],
  resyncs: new Map(),
  keys: [],
  lost: [],
  bytes: 0,
  requests: 0,
  labels: 0,
  seq,
})

const gather = (batch: Batch, item: BatchItem): void => {
  const { seq, entries, bytes, resync, requests, key, labels, lost } = item
  for (const entry of entries) batch.entries.push(entry)
  batch.bytes += bytes
  batch.requests += requests ?? 0
  batch.labels += labels ?? 0
  if (seq > batch.seq) batch.seq = seq
  if (resync !== undefined) batch.resyncs.set(resync.did, resync.fields)
  if (key !== undefined) batch.keys.push(key)
  if (lost !== undefined) batch.lost.push(lost)
}

/** Entries of the streams that it will become. */
export const entriesIn = ({ entries, resyncs }: Batch): number => entries.length + resyncs.size
