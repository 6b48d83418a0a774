/**
 * Reads new entries for a consumer. Recovers what an operator or a restore can do to a group: a group (or stream) that is
 * gone is created again at the start of the stream, and one whose position is beyond the stream's last id, which Redis would
 * never give anything again, is set back to the start. Both repeat entries at worst.
 */
import type { Logger } from '../../lib/logger.ts'
import type { Entry, Reader, ReadOptions } from '../log.ts'
import { replyCode } from './errors.ts'
import { READ } from './group-scripts.ts'
import type { Reply } from './link.ts'
import type { Losses } from './losses.ts'
import { list, number, readOf } from './replies.ts'
import { runScript } from './scripts.ts'
import type { Topology } from './topology.ts'

/** One blocking command waits at most this long, so that a dead connection is noticed. */
const MAX_BLOCK_MS = 5_000

export class StreamReader {
  readonly #topology: Topology
  readonly #logger: Logger
  readonly #losses: Losses
  /** Streams and groups of which a waiting read was given something: its position is still to be written. */
  readonly #unwritten = new Set<string>()

  constructor(topology: Topology, logger: Logger, losses: Losses) {
    this.#topology = topology
    this.#logger = logger
    this.#losses = losses
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
      const entries = await this.#whatIsThere(reader, maxEntries)
      if (entries === null) continue
      if (entries.length > 0) return entries
      const sliceMs = Math.min(MAX_BLOCK_MS, Math.ceil(deadline - performance.now()))
      if (sliceMs <= 0) return []
      const waited = await this.#wait(reader, maxEntries, { sliceMs, signal })
      if (waited !== null && waited.length > 0) return waited
    }
  }

  /** Without waiting: the read that notices what was lost since the last one. null when the group had to be mended. */
  async #whatIsThere(reader: Reader, maxEntries: number): Promise<Entry[] | null> {
    const { stream, group, consumer } = reader
    const unwritten = this.#unwritten.delete(`${stream} ${group}`) ? '1' : '0'
    const args = [group, consumer, String(maxEntries), unwritten]
    const answer = await this.#orMended(reader, () => runScript(this.#topology, READ, stream, args))
    if (answer === undefined) return null
    const [lost, isAhead, reply = null] = list(answer)
    this.#losses.add(stream, group, number(lost))
    const entries = readOf(reply)
    if (entries.length > 0 || number(isAhead) === 0) return entries
    await this.#reset(reader)
    return null
  }

  /** Nothing is ahead of the group when it begins to wait, so what is appended reaches it before anybody can take it away. */
  async #wait(
    reader: Reader,
    maxEntries: number,
    { sliceMs, signal }: { sliceMs: number; signal: AbortSignal | undefined },
  ): Promise<Entry[] | null> {
    const { stream, group, consumer } = reader
    const start = ['XREADGROUP', 'GROUP', group, consumer, 'COUNT', String(maxEntries)]
    const command = [...start, 'BLOCK', String(sliceMs), 'STREAMS', stream, '>']
    const name = `${stream} ${group} ${consumer}`
    const read = { key: stream, reader: name, command, blockMs: sliceMs, signal }
    const answer = await this.#orMended(reader, () => this.#topology.block(read))
    if (answer === undefined) return null
    const entries = readOf(answer)
    if (entries.length > 0) this.#unwritten.add(`${stream} ${group}`)
    return entries
  }

  /** A group that is gone is created again, and undefined answered: what it has to see is read next. */
  async #orMended(reader: Reader, read: () => Promise<Reply>): Promise<Reply | undefined> {
    try {
      return await read()
    } catch (error) {
      // UNBLOCKED is what Redis before 7.2 says to a reader whose stream is deleted while it waits.
      const code = replyCode(error)
      if (code !== 'NOGROUP' && code !== 'UNBLOCKED') throw error
      const { stream, group } = reader
      this.#logger.warn({ stream, group }, 'the consumer group was gone; created again')
      await this.ensureGroup(stream, group)
      return undefined
    }
  }

  async #reset({ stream, group }: Reader): Promise<void> {
    this.#logger.warn(
      { stream, group },
      'the consumer group stood beyond the end of its stream; set back to the start',
    )
    await this.#topology.send(stream, ['XGROUP', 'SETID', stream, group, '0'])
  }
}
