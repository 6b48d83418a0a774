/**
 * One connection beside the pool, for questions about the server. Guarantees that it takes none of the pool's places, that each
 * answer comes within its bound or not at all, and that nothing is written. It is opened when it is needed and closed when idle.
 */
import pg from 'pg'
import { Connections } from './connections.ts'
import type { Queryable } from './queryable.ts'

/** Beside those of the pool. */
export const ASIDE_CONNECTIONS = 1
const IDLE_MS = 60_000

export class Aside {
  readonly #config: pg.PoolConfig
  #pool: pg.Pool | null = null

  constructor(config: pg.PoolConfig) {
    this.#config = config
  }

  async run<T>(work: (db: Queryable) => Promise<T>, timeoutMs: number): Promise<T> {
    const connections = new Connections((this.#pool ??= this.#open(timeoutMs)), {
      prepare: false,
      statementTimeoutMs: timeoutMs,
      observers: new Set(),
    })
    const answer = connections.transaction(async (tx) => {
      await tx.query({ text: 'SET TRANSACTION READ ONLY' })
      return work(tx)
    })
    return within(timeoutMs, answer)
  }

  async close(): Promise<void> {
    await this.#pool?.end()
  }

  #open(timeoutMs: number): pg.Pool {
    const bounds = {
      connectionTimeoutMillis: timeoutMs,
      query_timeout: timeoutMs,
      idleTimeoutMillis: IDLE_MS,
    }
    const pool = new pg.Pool({ ...this.#config, ...bounds, max: ASIDE_CONNECTIONS, allowExitOnIdle: true })
    pool.on('error', () => {}) // the next question opens another
    return pool
  }
}

/** Each statement has its bound; several of them together have the same. */
const within = async <T>(timeoutMs: number, answer: Promise<T>): Promise<T> => {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  answer.catch(() => {}) // when it comes too late, nobody waits for it
  try {
    return await Promise.race([answer, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
