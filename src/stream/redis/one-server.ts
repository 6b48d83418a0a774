/**
 * One server: the one that is named, or the master that sentinels name. They differ only in how the address is found, anew
 * at each connection.
 */
import { TransientError } from '../../lib/errors.ts'
import { replyCode } from './errors.ts'
import { Link, type Command, type Reply } from './link.ts'
import { findMaster } from './sentinel.ts'
import {
  blockOn,
  linkOptions,
  settled,
  type BlockingRead,
  type Topology,
  type TopologyOptions,
} from './topology.ts'
import type { Endpoint } from './url.ts'

/** For commands; every reader that blocks has one more. */
export const COMMAND_CONNECTIONS = 1

export class OneServer implements Topology {
  readonly isAtomicAcrossKeys = true
  readonly #options: TopologyOptions
  readonly #commands: Link
  readonly #readers = new Map<string, Link>()

  constructor(options: TopologyOptions) {
    this.#options = options
    this.#commands = this.#newLink()
  }

  get lastError(): unknown {
    return this.#commands.lastError
  }

  send(_key: string, command: Command): Promise<Reply> {
    return this.#watched(() => this.#commands.send(command))
  }

  async pipeline(_key: string, commands: readonly Command[]): Promise<readonly Reply[]> {
    return this.#watched(async () => settled(await this.#commands.pipeline(commands)))
  }

  multi(commands: readonly Command[]): Promise<readonly Reply[]> {
    return this.#watched(() => this.#commands.multi(commands))
  }

  block(read: BlockingRead): Promise<Reply> {
    const link = this.#readers.get(read.reader) ?? this.#newLink()
    this.#readers.set(read.reader, link)
    return this.#watched(() => blockOn(link, this.#commands, read))
  }

  async masters(): Promise<readonly Link[]> {
    return [this.#commands]
  }

  ready(ms: number): Promise<boolean> {
    return this.#commands.ready(ms)
  }

  async close(): Promise<void> {
    await Promise.all([this.#commands, ...this.#readers.values()].map((link) => link.close()))
  }

  #newLink(): Link {
    const { target } = this.#options
    const endpoint = async (): Promise<Endpoint> => {
      if (target.kind === 'sentinel') return findMaster(target, this.#options)
      const [node] = target.nodes
      if (node === undefined) throw new Error('a Redis target without a node')
      return node
    }
    const options = linkOptions(this.#options, endpoint)
    return new Link(target.kind === 'sentinel' ? { ...options, greet: demandMaster } : options)
  }

  /** A replica answers reads and refuses writes: after a failover that leaves us on the old master, look for the new one. */
  async #watched<T>(run: () => Promise<T>): Promise<T> {
    try {
      return await run()
    } catch (error) {
      if (replyCode(error) === 'READONLY') {
        for (const link of [this.#commands, ...this.#readers.values()])
          link.reconnect('this server became a replica')
      }
      throw error
    }
  }
}

const demandMaster = async (send: (command: Command) => Promise<Reply>): Promise<void> => {
  const role = await send(['ROLE'])
  if (Array.isArray(role) && role[0] !== 'master')
    throw new TransientError(`the sentinels named a ${String(role[0])}`)
}
