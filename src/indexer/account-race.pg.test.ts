import assert from 'node:assert/strict'
import { test } from 'node:test'
import { needs } from '../../test/harness/services.ts'
import { asked, named, settleWith } from './testing-accounts.ts'
import { account, apply, didOf, openTestDatabase, rowsOf, until } from './testing.ts'

test(
  'an account that returns while its first look-up is being written is not left as it was before',
  needs('pg'),
  async () => {
    await using db = await openTestDatabase()
    const { pool } = db
    const did = didOf('returning')
    await apply(pool, [account(1, did, false, 'takendown')])
    const isWaiting = async () => {
      const text = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
      return (await pool.query({ text })).count > 0
    }
    const release = Promise.withResolvers<void>()
    // Holds the look-up back between what it has read and what it writes: the same line, not yet decided.
    const blocker = pool.transaction(async (tx) => {
      await tx.query({ text: `insert into bsky.actor (did, "indexedAt") values ($1, '')`, values: [did] })
      await release.promise
      await tx.query({ text: 'delete from bsky.actor where did = $1', values: [did] })
    })
    const lookup = asked({ [did]: { ...named('returning.test'), status: { active: true, status: null } } })
    const looking = settleWith(pool, lookup, [account(2, did, false, 'suspended')])
    await until('the look-up waits', isWaiting)
    let isBack = false
    const back = apply(pool, [account(3, did, true, null)]).then(() => (isBack = true))
    const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event = 'advisory'`
    await until(
      'the return is written or waits',
      async () => isBack || (await pool.query({ text: waiting })).count > 0,
    )
    release.resolve()
    await Promise.all([blocker, looking, back])
    const [actor] = await rowsOf(pool, 'actor', { did })
    assert.deepEqual([actor?.['handle'], actor?.['upstreamStatus']], ['returning.test', null])
  },
)
