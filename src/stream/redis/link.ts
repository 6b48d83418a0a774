/**
 * One connection to one Redis server, kept up for ever. Guarantees: every command ends within its time, with a reply or an
 * error; a command is sent at most once (a connection that broke or did not answer is thrown away with all that waited on
 * it, so nothing is executed after its caller gave up); the address is asked anew at each attempt, which is how a failover
 * is followed. It refuses to know what the commands mean.
 */
import { readFileSync } from 'node:fs'
import { createClient, MultiErrorReply } from 'redis'
import { backoffMs, jitter, sleep } from '../../lib/backoff.ts'
import { TransientError } from '../../lib/errors.ts'
import { type Logger, retryLevel } from '../../lib/logger.ts'
import { reason, refused, replyCode } from './errors.ts'
import type { Credentials, Endpoint } from './url.ts'

/** What RESP2 can say; arrays may hold errors only inside a transaction's result, which `multi` raises. */
export type Reply = string | number | null | readonly Reply[]
export type Command = readonly string[]

/** The part of the client that is used, without its generated types. */
type Client = {
  on(event: 'error' | 'terminated', listener: (error: unknown) => void): unknown
  connect(): Promise<unknown>
  destroy(): void
  sendCommand(args: string[]): Promise<unknown>
  multi(): Multi
}
type Multi = { addCommand(args: string[]): Multi; exec(): Promise<unknown> }

export type LinkOptions = {
  /** Asked before each attempt. */
  readonly endpoint: () => Promise<Endpoint>
  readonly credentials: Credentials
  readonly tls: boolean
  readonly caFile: string | null
  readonly db: number
  readonly logger: Logger
  /** A command that is not answered in this time fails, and its connection with it. */
  readonly commandTimeoutMs: number
  readonly connectTimeoutMs: number
  /** Rejects when the server at the endpoint is not the one we want (a sentinel's stale master). */
  readonly greet?: (send: (command: Command) => Promise<Reply>) => Promise<void>
  readonly onLost?: (reason: string) => void
}

const BACKOFF = { initialMs: 100, maxMs: 5_000 }

export class Link {
  readonly #options: LinkOptions
  readonly #closing = new AbortController()
  #client: Client | null = null
  #waiting = new Set<() => void>()
  #lastError: unknown = null
  readonly #loop: Promise<void>
  #broken: (() => void) | null = null

  constructor(options: LinkOptions) {
    this.#options = options
    this.#loop = this.#keepUp()
  }

  /** Why the last attempt to connect failed; null when connected. */
  get lastError(): unknown {
    return this.#client === null ? this.#lastError : null
  }

  /** Resolves once connected or after `ms`; says which. */
  async ready(ms: number): Promise<boolean> {
    const deadline = performance.now() + ms
    while (this.#client === null && !this.#closing.signal.aborted) {
      const leftMs = deadline - performance.now()
      if (leftMs <= 0) return false
      await this.#change(leftMs)
    }
    return this.#client !== null
  }

  send(command: Command, timeoutMs: number = this.#options.commandTimeoutMs): Promise<Reply> {
    return this.#within(timeoutMs, (client) => client.sendCommand([...command]) as Promise<Reply>)
  }

  /** A command that may take `extraMs` longer, because it waits in the server. */
  sendSlow(command: Command, extraMs: number): Promise<Reply> {
    return this.send(command, this.#options.commandTimeoutMs + extraMs)
  }

  /** In one round trip, in order, each with its own outcome. */
  pipeline(commands: readonly Command[]): Promise<PromiseSettledResult<Reply>[]> {
    return this.#within(this.#options.commandTimeoutMs, (client) =>
      Promise.allSettled(commands.map((command) => client.sendCommand([...command]) as Promise<Reply>)),
    )
  }

  /** All or nothing, in one round trip. */
  multi(commands: readonly Command[]): Promise<readonly Reply[]> {
    return this.#within(this.#options.commandTimeoutMs, (client) => {
      const multi = client.multi()
      for (const command of commands) multi.addCommand([...command])
      return (multi.exec() as Promise<readonly Reply[]>).catch((error: unknown) => {
        throw firstFailure(error)
      })
    })
  }

  /** Drops the connection (all that waits on it fails) and makes a new one, to the address valid then. */
  reconnect(why: string): void {
    this.#lose(this.#client, new Error(why))
  }

  async close(): Promise<void> {
    this.#closing.abort()
    this.#client?.destroy()
    this.#client = null
    this.#broken?.()
    this.#changed()
    await this.#loop
  }

  async #within<T>(timeoutMs: number, run: (client: Client) => Promise<T>): Promise<T> {
    const deadline = performance.now() + timeoutMs
    await this.ready(timeoutMs)
    const client = this.#client
    if (client === null)
      throw new TransientError(`Redis is away (${reason(this.#lastError)})`, { cause: this.#lastError })
    const timer = setTimeout(
      () => this.#lose(client, new Error(`no answer within ${timeoutMs} ms`)),
      Math.max(1, deadline - performance.now()),
    )
    try {
      return await run(client)
    } finally {
      clearTimeout(timer)
    }
  }

  async #keepUp(): Promise<void> {
    const { signal } = this.#closing
    for (let attempt = 1; !signal.aborted;) {
      try {
        this.#client = await this.#connect()
        if (attempt > 2) this.#options.logger.info('Redis is back')
        attempt = 1
        await this.#untilBroken()
      } catch (error) {
        this.#lastError = error
      }
      if (signal.aborted) return
      const delayMs = jitter(backoffMs(attempt++, BACKOFF))
      this.#options.logger[retryLevel(delayMs * 4)](
        { reason: reason(this.#lastError), retryInMs: Math.round(delayMs) },
        'no connection to Redis',
      )
      await sleep(delayMs, signal)
    }
  }

  async #connect(): Promise<Client> {
    const { host, port } = await this.#options.endpoint()
    const client = this.#newClient(host, port)
    // An error without a listener would end the process; the loop learns of it through `terminated` or the rejection.
    client.on('error', () => undefined)
    client.on('terminated', (error) => this.#lose(client, error))
    const abandon = setTimeout(() => client.destroy(), this.#options.connectTimeoutMs * 2)
    try {
      await client.connect()
      await this.#options.greet?.((command) => client.sendCommand([...command]) as Promise<Reply>)
      if (this.#closing.signal.aborted) throw new Error('closed')
      return client
    } catch (error) {
      client.destroy()
      throw ['NOAUTH', 'WRONGPASS'].includes(replyCode(error) ?? '') ? refused(error) : error
    } finally {
      clearTimeout(abandon)
    }
  }

  #newClient(host: string, port: number): Client {
    const { credentials, tls, caFile, db, connectTimeoutMs } = this.#options
    const secure = tls ? { tls: true as const, ...(caFile !== null && { ca: readFileSync(caFile) }) } : {}
    return createClient({
      RESP: 2,
      ...credentials,
      database: db,
      disableOfflineQueue: true,
      disableClientInfo: true,
      maintNotifications: 'disabled',
      socket: { host, port, connectTimeout: connectTimeoutMs, reconnectStrategy: false, ...secure },
    })
  }

  #untilBroken(): Promise<void> {
    this.#changed()
    return new Promise((resolve) => {
      this.#broken = resolve
      if (this.#client === null) resolve()
    })
  }

  #lose(client: Client | null, error: unknown): void {
    if (client === null || client !== this.#client) return
    this.#client = null
    this.#lastError = error
    client.destroy()
    this.#options.onLost?.(reason(error))
    this.#broken?.()
  }

  #changed(): void {
    for (const wake of [...this.#waiting]) wake()
  }

  #change(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        this.#waiting.delete(done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      this.#waiting.add(done)
    })
  }
}

/** What a transaction reports of several failures is the first. */
const firstFailure = (error: unknown): unknown => {
  if (!(error instanceof MultiErrorReply)) return error
  const [index = 0] = error.errorIndexes
  return error.replies[index]
}
