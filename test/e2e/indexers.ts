/**
 * One indexer of several that share a group, each a process under a name of its own. Owns what it means that one works, and that
 * one leaves: dies with entries in its hands and never returns.
 */
import assert from 'node:assert/strict'
import {
  DEFAULT_INDEXER_GROUP,
  FIREHOSE_BACKFILL,
  FIREHOSE_LIVE,
  LABEL_LIVE,
} from '../../src/event/streams.ts'
import { ABANDONED_AFTER_MS } from '../../src/stream/figures.ts'
import type { Log } from '../../src/stream/log.ts'
import type { RawRedis } from '../contract/raw-redis.ts'
import { Restartable } from './programs.ts'
import { until } from './until.ts'

const STREAMS = [FIREHOSE_LIVE, FIREHOSE_BACKFILL, LABEL_LIVE]

export class Indexer implements AsyncDisposable {
  readonly name: string
  readonly #program: Restartable
  #processed = 0

  constructor(name: string, args: readonly string[]) {
    this.name = name
    this.#program = new Restartable([...args, '--indexer-consumer', name])
  }

  /** Events processed that it told of, in all its lives: of what it did between its last answer and a kill nobody knows. */
  get processed(): number {
    return this.#processed
  }

  /** Resolves once it has processed something since its last start: the others do not do all of the work. */
  async works(): Promise<void> {
    this.#processed += await until(`${this.name} works`, async () => {
      const events = await this.#program.metric('indexer_events_processed_total')
      return events > 0 ? events : null
    })
  }

  async killAndRestart(): Promise<void> {
    await this.works()
    await this.#program.killAndRestart()
  }

  /** kill -9 while entries are in its hands, for good; long ago, as far as Redis knows. Resolves with their number. */
  async leave(log: Log, redis: RawRedis): Promise<number> {
    await this.works()
    await until(`${this.name} holds entries`, async () => {
      this.#program.freeze()
      if ((await this.held(log)) > 0) return true
      this.#program.thaw()
      return null
    })
    await this.#program.kill()
    const left = await this.held(log)
    for (const stream of STREAMS) await this.#age(stream, log, redis)
    return left
  }

  /** Entries that were delivered to it and that neither it has acknowledged nor anybody else has claimed. */
  async held(log: Log): Promise<number> {
    const ids = await Promise.all(STREAMS.map((stream) => this.#heldOf(stream, log)))
    return ids.flat().length
  }

  stop(): Promise<void> {
    return this.#program.stop()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#program[Symbol.asyncDispose]()
  }

  async #heldOf(stream: string, log: Log): Promise<string[]> {
    const query = { minIdleMs: 0, maxEntries: 1_000, consumer: this.name }
    return (await log.pending(stream, DEFAULT_INDEXER_GROUP, query)).map(({ id }) => id)
  }

  /** Entries are abandoned after five minutes; no test waits for them, so Redis is told that they are over. */
  async #age(stream: string, log: Log, redis: RawRedis): Promise<void> {
    const ids = await this.#heldOf(stream, log)
    if (ids.length === 0) return
    const claim = ['XCLAIM', stream, DEFAULT_INDEXER_GROUP, this.name, '0', ...ids]
    assert.deepEqual(await redis.send(...claim, 'IDLE', String(ABANDONED_AFTER_MS), 'JUSTID'), ids)
  }
}
