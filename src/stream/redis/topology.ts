/**
 * Which connection a key's commands go to. Blocking reads have connections of their own, one per reader, because a blocked
 * connection answers nobody else.
 */
import type { Logger } from '../../lib/logger.ts'
import type { Command, Link, LinkOptions, Reply } from './link.ts'
import type { Endpoint, RedisTarget } from './url.ts'

export type BlockingRead = {
  readonly key: string
  /** Who reads: names the connection. */
  readonly reader: string
  readonly command: Command
  readonly blockMs: number
  readonly signal: AbortSignal | undefined
}

export interface Topology {
  /** Whether commands on several keys can share a transaction. */
  readonly isAtomicAcrossKeys: boolean
  send(key: string, command: Command): Promise<Reply>
  /** All about `key`, in order, in one round trip; rejects with the first failure. */
  pipeline(key: string, commands: readonly Command[]): Promise<readonly Reply[]>
  /** All or nothing; only where `isAtomicAcrossKeys`. */
  multi(commands: readonly Command[]): Promise<readonly Reply[]>
  /** null when nothing came in time or the signal aborted. */
  block(read: BlockingRead): Promise<Reply>
  /** A connection to each master. */
  masters(): Promise<readonly Link[]>
  /** Resolves once connected or after `ms`; says which. */
  ready(ms: number): Promise<boolean>
  /** Why there is no connection; null when there is. */
  readonly lastError: unknown
  close(): Promise<void>
}

export type TopologyOptions = {
  readonly target: RedisTarget
  readonly logger: Logger
  readonly commandTimeoutMs: number
  readonly connectTimeoutMs: number
  readonly onLost?: (reason: string) => void
}

/** The options of a connection to `endpoint`; the caller adds what is particular. */
export const linkOptions = (options: TopologyOptions, endpoint: () => Promise<Endpoint>): LinkOptions => {
  const { target, logger, commandTimeoutMs, connectTimeoutMs, onLost } = options
  const { credentials, tls, caFile } = target
  const db = target.kind === 'cluster' ? 0 : target.db
  return {
    endpoint,
    credentials,
    tls,
    caFile,
    db,
    logger,
    commandTimeoutMs,
    connectTimeoutMs,
    ...(onLost !== undefined && { onLost }),
  }
}

/** Every reply, or the first failure. */
export const settled = (outcomes: readonly PromiseSettledResult<Reply>[]): Reply[] =>
  outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  })

/** How long after an abort a blocked read may take to come back before its connection is dropped. */
const UNBLOCK_MS = 1_000

/**
 * A blocking command on `link`, ended by the abort of `signal` through `sibling`, a connection to the same server. What was
 * delivered in the very moment of the abort is still returned.
 */
export const blockOn = async (link: Link, sibling: Link, read: BlockingRead): Promise<Reply> => {
  const { command, blockMs, signal } = read
  if (signal?.aborted) return null
  const id = String(await link.send(['CLIENT', 'ID']))
  let drop: NodeJS.Timeout | undefined
  const unblock = () => {
    drop = setTimeout(() => link.reconnect('reading was stopped'), UNBLOCK_MS)
    sibling.send(['CLIENT', 'UNBLOCK', id]).catch(() => undefined)
  }
  if (isAborted(signal)) return null
  signal?.addEventListener('abort', unblock, { once: true })
  try {
    return await link.sendSlow(command, blockMs)
  } finally {
    signal?.removeEventListener('abort', unblock)
    clearTimeout(drop)
  }
}

/** A call, because the compiler believes that a flag looked at before an await has not changed. */
const isAborted = (signal: AbortSignal | undefined): boolean => signal?.aborted ?? false
