/**
 * A Redis Cluster: commands go to the master of their key's slot, and follow it when it moves. While a slot is on its way
 * between two nodes its commands fail as transient. Keys of different slots cannot share a transaction there, so callers
 * order their writes instead (entries first, then the checkpoint).
 */
import { backoffMs, sleep } from '../../lib/backoff.ts'
import { TransientError } from '../../lib/errors.ts'
import { reason, replyCode } from './errors.ts'
import { Link, type Command, type Reply } from './link.ts'
import { slotOf } from './slot.ts'
import {
  blockOn,
  linkOptions,
  settled,
  type BlockingRead,
  type Topology,
  type TopologyOptions,
} from './topology.ts'
import type { Endpoint } from './url.ts'

type SlotRange = { readonly from: number; readonly to: number; readonly address: string }

const MAX_REDIRECTS = 6
const REDIRECT_BACKOFF = { initialMs: 20, maxMs: 500 }

export class ClusterNodes implements Topology {
  readonly isAtomicAcrossKeys = false
  readonly #options: TopologyOptions
  readonly #links = new Map<string, Link>()
  readonly #readers = new Map<string, { address: string; link: Link }>()
  #slots: readonly SlotRange[] = []
  #refreshing: Promise<void> | null = null
  #lastError: unknown = null
  #closed = false

  constructor(options: TopologyOptions) {
    this.#options = options
  }

  get lastError(): unknown {
    return this.#lastError
  }

  send(key: string, command: Command): Promise<Reply> {
    return this.#redirected(key, (link) => link.send(command))
  }

  /** One slot, so the commands succeed or are redirected together; what a moved tail leaves undone is sent again. */
  async pipeline(key: string, commands: readonly Command[]): Promise<readonly Reply[]> {
    const replies: Reply[] = []
    return this.#redirected(key, async (link) => {
      const outcomes = await link.pipeline(commands.slice(replies.length))
      const failed = outcomes.findIndex((outcome) => outcome.status === 'rejected')
      replies.push(...settled(failed < 0 ? outcomes : outcomes.slice(0, failed)))
      settled(outcomes)
      return replies
    })
  }

  multi(_commands: readonly Command[]): Promise<readonly Reply[]> {
    return Promise.reject(new Error('a Redis Cluster has no transactions across slots'))
  }

  block(read: BlockingRead): Promise<Reply> {
    return this.#redirected(read.key, async (sibling, address) => {
      let own = this.#readers.get(read.reader)
      if (own?.address !== address) {
        await own?.link.close()
        own = { address, link: this.#newLink(address) }
        this.#readers.set(read.reader, own)
      }
      return blockOn(own.link, sibling, read)
    })
  }

  async masters(): Promise<readonly Link[]> {
    if (this.#slots.length === 0) await this.#refresh()
    return [...new Set(this.#slots.map((range) => range.address))].map((address) => this.#link(address))
  }

  async ready(ms: number): Promise<boolean> {
    const deadline = performance.now() + ms
    for (let attempt = 1; performance.now() < deadline; attempt++) {
      try {
        const links = await this.masters()
        const leftMs = Math.max(1, deadline - performance.now())
        const up = await Promise.all(links.map((link) => link.ready(leftMs)))
        this.#lastError = links.find((link) => link.lastError !== null)?.lastError ?? null
        return up.every(Boolean)
      } catch (error) {
        this.#lastError = error
        await sleep(backoffMs(attempt, REDIRECT_BACKOFF))
      }
    }
    return false
  }

  async close(): Promise<void> {
    this.#closed = true
    const readers = [...this.#readers.values()].map((reader) => reader.link)
    await Promise.all([...this.#links.values(), ...readers].map((link) => link.close()))
  }

  async #redirected<T>(key: string, run: (link: Link, address: string) => Promise<T>): Promise<T> {
    const slot = slotOf(key)
    for (let attempt = 1; ; attempt++) {
      if (this.#closed) throw new TransientError('the connection to Redis is closed')
      const address = await this.#addressOf(slot)
      try {
        return await run(this.#link(address), address)
      } catch (error) {
        const code = replyCode(error)
        const hasMoved = code === 'MOVED' || code === 'ASK' || code === 'TRYAGAIN' || code === 'CLUSTERDOWN'
        // A master that is gone may have a successor: the next attempt asks the others.
        if (hasMoved || code === null) this.#slots = []
        if (!hasMoved || attempt >= MAX_REDIRECTS) throw error
        await sleep(backoffMs(attempt, REDIRECT_BACKOFF))
      }
    }
  }

  async #addressOf(slot: number): Promise<string> {
    if (this.#slots.length === 0) await this.#refresh()
    const range = this.#slots.find(({ from, to }) => from <= slot && slot <= to)
    if (range === undefined) {
      this.#slots = []
      throw new TransientError(`no node of the Redis Cluster serves slot ${slot}`)
    }
    return range.address
  }

  #refresh(): Promise<void> {
    this.#refreshing ??= this.#askForSlots().finally(() => (this.#refreshing = null))
    return this.#refreshing
  }

  async #askForSlots(): Promise<void> {
    const seeds = this.#options.target.nodes.map(({ host, port }) => `${host}:${port}`)
    const problems: string[] = []
    const known = [...this.#links].sort(
      ([, a], [, b]) => Number(a.lastError !== null) - Number(b.lastError !== null),
    )
    for (const address of new Set([...known.map(([address]) => address), ...seeds])) {
      const link = this.#link(address)
      if (!(await link.ready(this.#options.connectTimeoutMs))) {
        problems.push(`${address}: ${reason(link.lastError)}`)
        continue
      }
      try {
        this.#slots = parseSlots(await link.send(['CLUSTER', 'SLOTS']), address)
        await this.#forgetOthers(new Set([...this.#slots.map((range) => range.address), ...seeds]))
        return
      } catch (error) {
        problems.push(`${address}: ${reason(error)}`)
      }
    }
    throw new TransientError(`no node of the Redis Cluster answers (${problems.join('; ')})`)
  }

  async #forgetOthers(wanted: ReadonlySet<string>): Promise<void> {
    for (const [address, link] of this.#links) {
      if (wanted.has(address)) continue
      this.#links.delete(address)
      await link.close()
    }
  }

  #link(address: string): Link {
    const link = this.#links.get(address) ?? this.#newLink(address)
    this.#links.set(address, link)
    return link
  }

  #newLink(address: string): Link {
    const endpoint = parseAddress(address)
    return new Link(linkOptions(this.#options, async () => endpoint))
  }
}

const parseAddress = (address: string): Endpoint => {
  const colon = address.lastIndexOf(':')
  return { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) }
}

/** An empty host means: the node that was asked. */
const parseSlots = (reply: Reply, asked: string): SlotRange[] => {
  if (!Array.isArray(reply)) return []
  return (reply as readonly (readonly Reply[])[]).map(([from, to, master]) => {
    const [host, port] = master as readonly Reply[]
    return {
      from: Number(from),
      to: Number(to),
      address: `${String(host) || parseAddress(asked).host}:${String(port)}`,
    }
  })
}
