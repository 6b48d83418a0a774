/** Appliers that meet at the worst moment, made to meet there: what the concurrent replays found once is held fast here. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Pool } from '../../src/db/pool.ts'
import type { StreamEvent } from '../../src/event/event.ts'
import { needs } from '../harness/services.ts'
import { readHistory } from './history.ts'
import { apply, withPool } from './replay.ts'
import { readTables } from './tables.ts'

const history = readHistory()

const eventsOf = (rkey: string): StreamEvent[] =>
  history.events.filter((event) => 'rkey' in event && event.rkey === rkey)

const createOf = (rkey: string): StreamEvent => {
  const found = eventsOf(rkey).find(({ type }) => type === 'create')
  assert.ok(found, rkey)
  return found
}

/** Two verifications of one account by another, the second of which is a duplicate. */
const VERIFIED = '3n2w2qhagfs2s'
const VERIFIED_AGAIN = '3n2w2qhayxk2s'

test('a verification that makes room for an older one has told nobody', needs('pg'), () =>
  withPool(async (pool) => {
    await apply(pool, [createOf(VERIFIED_AGAIN), createOf(VERIFIED)], 1)
    const { notification = [] } = await readTables(pool, ['notification'])
    assert.deepEqual(
      notification.map(({ reason, recordUri }) => [reason, (recordUri as string).split('/').at(-1)]),
      [['verified', VERIFIED]],
    )
  }),
)

/** An own reply, deleted later. */
const OWN_REPLY = '3n2w2pky5v22s'

test(
  'an own reply that is deleted between its rows and what follows from them is no reply',
  needs('pg'),
  () =>
    withPool(async (pool) => {
      const [created, deleted] = eventsOf(OWN_REPLY)
      assert.ok(created && deleted)
      let transactions = 0
      const interrupted: Pool = {
        ...pool,
        transaction: async (work, options) => {
          if (++transactions === 2) await apply(pool, [deleted], 1)
          return pool.transaction(work, options)
        },
      }
      await apply(interrupted, [created], 1)
      assert.ok(transactions >= 2)
      const { op_thread_reply: lines = [] } = await readTables(pool, ['op_thread_reply'])
      assert.deepEqual(
        lines.filter(({ deletedAt }) => deletedAt === null),
        [],
      )
    }),
)

const [ROOT, REPLY_1, REPLY_2] = ['3n2w2pfdyb22s', '3n2w2pfu3v22s', '3n2w2pfvcx22s'] as const

const standingOf = async (pool: Pool): Promise<Readonly<Record<string, unknown>>> => {
  const { post = [] } = await readTables(pool, ['post'])
  return Object.fromEntries(
    post.map(
      ({ uri, invalidReplyRoot }) => [(uri as string).split('/').at(-1) ?? '', invalidReplyRoot] as const,
    ),
  )
}

test(
  'a reply is judged by the standing its parent has in the end, not by one about to change',
  needs('pg'),
  () =>
    withPool(async (pool) => {
      await apply(pool, [createOf(ROOT), createOf(REPLY_1)], 2)
      // As if the root had not been there yet: the next look at the reply finds it valid.
      await pool.query({
        text: `update ${pool.schema}.post set "invalidReplyRoot" = true, "violatesThreadGate" = false where "replyParent" is not null`,
      })
      let transactions = 0
      let meanwhile: unknown
      const changing: Pool = {
        ...pool,
        transaction: (work, options) =>
          pool.transaction(async (tx) => {
            const value = await work(tx)
            if (++transactions !== 2) return value
            // The change of the parent is written and not committed: its reply comes now, and sees the old standing.
            await apply(pool, [createOf(REPLY_2)], 1)
            meanwhile = await standingOf(pool)
            return value
          }, options),
      }
      await apply(changing, [createOf(REPLY_1)], 1)
      assert.deepEqual(meanwhile, { [ROOT]: null, [REPLY_1]: true, [REPLY_2]: true })
      assert.deepEqual(await standingOf(pool), { [ROOT]: null, [REPLY_1]: null, [REPLY_2]: null })
    }),
)
