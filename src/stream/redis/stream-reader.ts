/**
 * Reads new entries for a consumer. Recovers what an operator or a restore can do to a group: a group (or stream) that is
 * gone is created again at the start of the stream, and one whose position is beyond the stream's last id, which Redis would
 * never give anything again, is set back to the start. Both repeat entries at worst.
 */
import type { Logger } from '../../lib/logger.ts'
import type { Entry, Reader, ReadOptions } from '../log.ts'
import { replyCode } from './errors.ts'
import { lagFacts } from './lag.ts'
import type { Reply } from './link.ts'
import { isAfter, readOf } from './replies.ts'
import type { Topology } from './topology.ts'

/** One blocking command waits at most this long, so that a dead connection is noticed. */
const MAX_BLOCK_MS = 5_000
const CHECK_POSITION_EVERY_MS = 5_000

export class StreamReader {
  readonly #topology: Topology
  readonly #logger: Logger
  readonly #nextCheck = new Map<string, number>()

  constructor(topology: Topology, logger: Logger) {
    this.#topology = topology
    this.#logger = logger
  }

  async ensureGroup(stream: string, group: string): Promise<void> {
    try {
      await this.#topology.send(stream, ['XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM'])
    } catch (error) {
      if (replyCode(error) !== 'BUSYGROUP') throw error
    }
  }

  async read(reader: Reader, { maxEntries, blockMs, signal }: ReadOptions): Promise<Entry[]> {
    const deadline = performance.now() + blockMs
    for (;;) {
      if (signal?.aborted) return []
      const sliceMs = Math.min(MAX_BLOCK_MS, Math.ceil(deadline - performance.now()))
      const entries = await this.#readOnce(reader, maxEntries, sliceMs, signal)
      if (entries.length > 0) return entries
      const wasReset = await this.#resetIfStray(reader)
      if (!wasReset && performance.now() >= deadline) return []
    }
  }

  async #readOnce(
    reader: Reader,
    maxEntries: number,
    blockMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Entry[]> {
    try {
      return readOf(await this.#xreadgroup(reader, maxEntries, blockMs, signal))
    } catch (error) {
      // UNBLOCKED is what Redis before 7.2 says to a reader whose stream is deleted while it waits.
      const code = replyCode(error)
      if (code !== 'NOGROUP' && code !== 'UNBLOCKED') throw error
      this.#logger.warn(
        { stream: reader.stream, group: reader.group },
        'the consumer group was gone; created again',
      )
      await this.ensureGroup(reader.stream, reader.group)
      return readOf(await this.#xreadgroup(reader, maxEntries, 0, signal))
    }
  }

  #xreadgroup(
    { stream, group, consumer }: Reader,
    maxEntries: number,
    blockMs: number,
    signal: AbortSignal | undefined,
  ): Promise<Reply> {
    const start = ['XREADGROUP', 'GROUP', group, consumer, 'COUNT', String(maxEntries)]
    const end = ['STREAMS', stream, '>']
    if (blockMs <= 0) return this.#topology.send(stream, [...start, ...end])
    const command = [...start, 'BLOCK', String(blockMs), ...end]
    return this.#topology.block({
      key: stream,
      reader: `${stream} ${group} ${consumer}`,
      command,
      blockMs,
      signal,
    })
  }

  /** Looked at after an empty read, seldom: a position beyond the stream's last id. True when it was set back. */
  async #resetIfStray({ stream, group }: Reader): Promise<boolean> {
    const key = `${stream} ${group}`
    const now = performance.now()
    if (now < (this.#nextCheck.get(key) ?? 0)) return false
    this.#nextCheck.set(key, now + CHECK_POSITION_EVERY_MS)
    const [streamInfo = null, groupsInfo = null] = await this.#topology.pipeline(stream, [
      ['XINFO', 'STREAM', stream],
      ['XINFO', 'GROUPS', stream],
    ])
    const facts = lagFacts(streamInfo, groupsInfo, group)
    if (facts === null || facts.length === 0 || !isAfter(facts.lastDelivered, facts.lastGenerated))
      return false
    this.#logger.warn(
      { stream, group },
      'the consumer group stood beyond the end of its stream; set back to the start',
    )
    await this.#topology.send(stream, ['XGROUP', 'SETID', stream, group, '0'])
    return true
  }
}
