/**
 * The log on Redis Streams: the contract of `log.ts` with the keys, groups and entry shapes of rsky, so that its services and
 * ours can share one Redis. Redis or Valkey 6.2 or newer, alone, behind sentinels, or as a cluster.
 *
 * On one server entries and checkpoint are one MULTI/EXEC. In a cluster they lie in different slots: there the entries are
 * written first and the checkpoint after them, so a crash between the two repeats entries and never skips any.
 */
import type { Logger } from '../../lib/logger.ts'
import type { StoreFigures, StreamFigures, Watched } from '../figures.ts'
import type {
  Checkpoint,
  Entry,
  Fields,
  GroupStats,
  Log,
  PendingEntry,
  Reader,
  ReadOptions,
  StreamStats,
} from '../log.ts'
import { replyCode, translateError, wrongType } from './errors.ts'
import { streamFigures } from './figures.ts'
import { CLAIM, TRIM } from './group-scripts.ts'
import type { Command } from './link.ts'
import { Losses } from './losses.ts'
import { entriesOf, list, number, pendingRows, text } from './replies.ts'
import { ACK, runScript } from './scripts.ts'
import { StreamReader } from './stream-reader.ts'
import { scanCheckpoints, streamStats } from './stats.ts'
import { storeFigures } from './store-figures.ts'
import type { Topology } from './topology.ts'

/** Ids per command: what a script may take as arguments, and short enough not to hold the server. */
const MAX_IDS = 1_000

type PendingQuery = { minIdleMs: number; maxEntries: number; afterId?: string; consumer?: string }

export class RedisLog implements Log {
  readonly kind = 'redis'
  readonly #topology: Topology
  readonly #reader: StreamReader
  readonly #losses = new Losses()
  /** Keys known to be streams, or free to become one. */
  readonly #streams = new Set<string>()

  constructor(topology: Topology, logger: Logger) {
    this.#topology = topology
    this.#reader = new StreamReader(topology, logger, this.#losses)
  }

  append(stream: string, entries: readonly Fields[], checkpoint?: Checkpoint): Promise<void> {
    return translated(async () => {
      if (!this.#streams.has(stream)) await this.#demandStream(stream)
      const adds = entries.map((fields) => xadd(stream, fields))
      const save: Command[] = checkpoint ? [['SET', checkpoint.name, checkpoint.value]] : []
      if (this.#topology.isAtomicAcrossKeys) {
        if (adds.length + save.length > 0) await this.#topology.multi([...adds, ...save])
        return
      }
      // Law of the cluster: a saved checkpoint never leads its entries.
      if (adds.length > 0) await this.#topology.pipeline(stream, adds)
      if (checkpoint) await this.#topology.pipeline(checkpoint.name, save)
    })
  }

  /**
   * EXEC does not roll back: into a key of another type no entry would be written, yet the checkpoint beside it would be. So
   * the first append to a stream looks first.
   */
  async #demandStream(stream: string): Promise<void> {
    const type = text(await this.#topology.send(stream, ['TYPE', stream]))
    if (type !== 'stream' && type !== 'none') throw wrongType()
    this.#streams.add(stream)
  }

  checkpoint(name: string): Promise<string | null> {
    return translated(async () => text(await this.#topology.send(name, ['GET', name])))
  }

  checkpoints(prefix: string): Promise<readonly Checkpoint[]> {
    return translated(() => scanCheckpoints(this.#topology, prefix))
  }

  ensureGroup(stream: string, group: string): Promise<void> {
    return translated(() => this.#reader.ensureGroup(stream, group))
  }

  read(reader: Reader, options: ReadOptions): Promise<readonly Entry[]> {
    return translated(() => this.#reader.read(reader, options))
  }

  pending(stream: string, group: string, query: PendingQuery): Promise<readonly PendingEntry[]> {
    const { minIdleMs, maxEntries, afterId, consumer } = query
    const command = [
      ...['XPENDING', stream, group],
      ...(minIdleMs > 0 ? ['IDLE', String(minIdleMs)] : []),
      ...[afterId === undefined ? '-' : `(${afterId}`, '+', String(maxEntries)],
      ...(consumer === undefined ? [] : [consumer]),
    ]
    return orIfNoGroup([], async () => pendingRows(await this.#topology.send(stream, command)))
  }

  async claim(reader: Reader, ids: readonly string[], minIdleMs: number): Promise<readonly Entry[]> {
    const { stream, group, consumer } = reader
    const claimed: Entry[] = []
    for (const some of inParts(ids)) {
      const args = [group, consumer, String(minIdleMs), ...some]
      const taken = await orIfNoGroup(null, () => runScript(this.#topology, CLAIM, stream, args))
      for (const entry of list(taken)) claimed.push(...entriesOf([entry], number(list(entry)[2])))
    }
    return claimed
  }

  async touch({ stream, group, consumer }: Reader, ids: readonly string[]): Promise<void> {
    for (const some of inParts(ids)) {
      const command = ['XCLAIM', stream, group, consumer, '0', ...some, 'IDLE', '0', 'JUSTID']
      await orIfNoGroup(null, () => this.#topology.send(stream, command))
    }
  }

  async ack(stream: string, group: string, ids: readonly string[]): Promise<number> {
    let wasPending = 0
    for (const some of inParts([...new Set(ids)])) {
      wasPending += number(await translated(() => runScript(this.#topology, ACK, stream, [group, ...some])))
    }
    return wasPending
  }

  deadLetter(
    from: { stream: string; group: string; id: string },
    to: { stream: string; fields: Fields },
  ): Promise<void> {
    return translated(async () => {
      const letter = xadd(to.stream, to.fields)
      if (this.#topology.isAtomicAcrossKeys) {
        await this.#topology.multi([letter, ['EVAL', ACK.text, '1', from.stream, from.group, from.id]])
        return
      }
      // The letter first: a crash between the two writes it twice and never loses it.
      await this.#topology.send(to.stream, letter)
      await runScript(this.#topology, ACK, from.stream, [from.group, from.id])
    })
  }

  trim(stream: string): Promise<number> {
    return translated(async () => {
      const [removed, lost, group] = list(await runScript(this.#topology, TRIM, stream, []))
      this.#losses.add(stream, text(group) ?? '', number(lost))
      return number(removed)
    })
  }

  range(
    stream: string,
    { afterId, maxEntries }: { afterId?: string; maxEntries: number },
  ): Promise<readonly Entry[]> {
    const start = afterId === undefined ? '-' : `(${afterId}`
    const command = ['XRANGE', stream, start, '+', 'COUNT', String(maxEntries)]
    return translated(async () => entriesOf(await this.#topology.send(stream, command), 0))
  }

  streamStats(stream: string): Promise<StreamStats> {
    return translated(() => streamStats(this.#topology, stream))
  }

  async groupStats(stream: string, group: string): Promise<GroupStats> {
    const figures = await this.streamFigures({ stream, group, deadLetterStream: null })
    const { undelivered: lag, pending, oldestPendingIdleMs } = figures
    return { lag, pending, oldestPendingIdleMs }
  }

  streamFigures(watched: Watched): Promise<StreamFigures> {
    return translated(() => streamFigures(this.#topology, watched, this.#losses))
  }

  storeFigures(): Promise<StoreFigures> {
    return translated(() => storeFigures(this.#topology))
  }

  cacheGet(key: string): Promise<string | null> {
    return this.checkpoint(key)
  }

  async cacheSet(key: string, value: string, ttlMs: number): Promise<void> {
    const ms = String(Math.max(1, Math.round(ttlMs)))
    await translated(() => this.#topology.send(key, ['SET', key, value, 'PX', ms]))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#topology.close()
  }
}

const xadd = (stream: string, fields: Fields): Command => [
  'XADD',
  stream,
  '*',
  ...Object.entries(fields).flat(),
]

const inParts = (ids: readonly string[]): string[][] =>
  Array.from({ length: Math.ceil(ids.length / MAX_IDS) }, (_, i) => ids.slice(i * MAX_IDS, (i + 1) * MAX_IDS))

const translated = async <T>(run: () => Promise<T>): Promise<T> => {
  try {
    return await run()
  } catch (error) {
    throw translateError(error)
  }
}

/** A group or stream that is not there has nothing. */
const orIfNoGroup = <T>(none: T, run: () => Promise<T>): Promise<T> =>
  translated(async () => {
    try {
      return await run()
    } catch (error) {
      if (isMissing(error)) return none
      throw error
    }
  })

const isMissing = (error: unknown): boolean =>
  replyCode(error) === 'NOGROUP' || (error instanceof Error && error.message === 'ERR no such key')
