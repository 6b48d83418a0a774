/**
 * A log that notes, entry by entry, when it was appended, handed out and done with. An entry is acknowledged after its commit and in
 * the same turn of the event loop, but for counting: the moment of the call is the commit's, a little late and never early.
 */
import { FIREHOSE_LIVE } from '../src/event/streams.ts'
import { appendedMs } from '../src/indexer/freshness.ts'
import type { Log } from '../src/stream/log.ts'

/** Of one batch: when it was handed out, and its entries' moments, all in ms. */
type Batch = { readonly readMs: number; readonly size: number; ackedMs: number }
/** Of one entry, in ms. */
export type Wait = { readonly index: number; readonly appended: number; readonly batch: Batch }

/** Notes what the indexer takes from the log and when it has done with it. */
export class Watch {
  readonly waits: Wait[] = []
  readonly #open = new Map<string, Wait>()
  #delivered = 0

  get acknowledged(): number {
    return this.waits.length
  }

  /** Entries are delivered in the order of their appends, so their number says when they were due. */
  read(ids: readonly string[]): void {
    const batch = { readMs: Date.now(), size: ids.length, ackedMs: NaN }
    for (const id of ids) this.#open.set(id, { index: this.#delivered++, appended: appendedMs(id), batch })
  }

  ack(ids: readonly string[]): void {
    const now = Date.now()
    for (const id of ids) {
      const wait = this.#open.get(id)
      if (!wait) continue
      this.#open.delete(id)
      wait.batch.ackedMs = now
      this.waits.push(wait)
    }
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
