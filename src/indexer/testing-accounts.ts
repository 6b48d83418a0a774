/** A network that says of accounts what a test wants it to say, and the worker that asks it. */
import type { Pool } from '../db/pool.ts'
import type { StreamEvent } from '../event/event.ts'
import { TransientError } from '../lib/errors.ts'
import { silentLogger } from '../lib/logger.ts'
import { createIdentityWorker } from './identity-worker.ts'
import type { FoundIdentity, FoundStatus, Lookup } from './lookup.ts'
import { apply, until } from './testing.ts'

/** What the network says; accounts it does not name cannot be asked. */
export type Answers = Record<string, { identity?: FoundIdentity; status?: FoundStatus }>

export const asked = (answers: Answers): Lookup => {
  const answer = <T>(value: T | undefined): Promise<T> =>
    value === undefined ? Promise.reject(new TransientError('no answer')) : Promise.resolve(value)
  return {
    identity: (did) => answer(answers[did]?.identity),
    status: (did) => answer(answers[did]?.status),
  }
}

/** Applies events with identities to be looked up, and lets the worker work until nothing is due any more. */
export const settleWith = async (
  pool: Pool,
  lookup: Lookup,
  events: readonly StreamEvent[],
): Promise<string[]> => {
  await apply(pool, events, { resolveIdentities: true })
  const outcomes: string[] = []
  const stop = new AbortController()
  const worker = createIdentityWorker({
    pool,
    lookup,
    logger: silentLogger,
    concurrency: 10,
    onOutcome: (outcome) => outcomes.push(outcome),
  })
  const running = worker.run(stop.signal)
  const due = {
    text: "select 1 from millrace.identity_work where due <= now() or tries > 0 and due > now() + interval '1 minute'",
  }
  await Promise.race([until('nothing is due', async () => (await pool.query(due)).count === 0), running])
  stop.abort()
  await running
  return outcomes.sort()
}

export const named = (handle: string) => ({ identity: { handle } })
