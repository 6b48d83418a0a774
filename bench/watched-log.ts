/**
 * A log that notes, entry by entry, when it was appended, handed out and done with. An entry is acknowledged after its commit and in
 * the same turn of the event loop, but for counting: the moment of the call is the commit's, a little late and never early.
 */
import { FIREHOSE_LIVE } from '../src/event/streams.ts'
import { appendedMs } from '../src/indexer/freshness.ts'
import type { Log } from '../src/stream/log.ts'

/** Of one entry, in ms; `index`: how many were appended before it. */
export type Wait = {
  readonly index: number
  readonly appended: number
  readonly read: number
  readonly committed: number
}
/** Entries that were done with together, and the first of them. */
type Batch = { readonly index: number; readonly size: number }

/** Notes what the indexer takes from the log and when it has done with it. What was read together may be done in parts. */
export class Watch {
  readonly waits: Wait[] = []
  readonly batches: Batch[] = []
  readonly #open = new Map<string, Omit<Wait, 'committed'>>()
  #delivered = 0

  get acknowledged(): number {
    return this.waits.length
  }

  /** Entries are delivered in the order of their appends, so their number says when they were due. */
  read(ids: readonly string[]): void {
    const read = Date.now()
    for (const id of ids) this.#open.set(id, { index: this.#delivered++, appended: appendedMs(id), read })
  }

  ack(ids: readonly string[]): void {
    const committed = Date.now()
    const done = ids.flatMap((id) => this.#open.get(id) ?? [])
    for (const id of ids) this.#open.delete(id)
    for (const entry of done) this.waits.push({ ...entry, committed })
    if (done[0]) this.batches.push({ index: done[0].index, size: done.length })
  }
}

export const watched = (log: Log, watch: Watch): Log => {
  const read = log.read.bind(log)
  const ack = log.ack.bind(log)
  return Object.assign(log, {
    read: async (...args: Parameters<Log['read']>) => {
      const entries = await read(...args)
      if (args[0].stream === FIREHOSE_LIVE && entries.length > 0) watch.read(entries.map(({ id }) => id))
      return entries
    },
    ack: (...args: Parameters<Log['ack']>) => {
      if (args[0] === FIREHOSE_LIVE) watch.ack(args[2])
      return ack(...args)
    },
  })
}
