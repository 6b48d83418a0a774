/**
 * What limits an indexer is statements and round trips, not rows. They are counted here, on a fixed history, instead of timed: a
 * change that asks PostgreSQL more often fails, on any machine.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeEvent } from '../../src/event/codec.ts'
import type { StreamEvent } from '../../src/event/event.ts'
import { apply, at, create, didOf, openTestDatabase, ref, timeOf } from '../../src/indexer/testing.ts'
import { sandboxEntries } from '../../bench/entries.ts'

const EVENTS = 4_000
const FEW_ACCOUNTS = 40
const MANY_ACCOUNTS = 400

const history = async (accounts: number): Promise<readonly StreamEvent[]> => {
  const decoded = (await sandboxEntries(EVENTS + 500, accounts)).map(decodeEvent)
  const events = decoded.flatMap((event) => ('poison' in event ? [] : [event]))
  assert.ok(events.length >= EVENTS, `${events.length}`)
  return events.slice(0, EVENTS)
}

type Count = { readonly statements: number; readonly roundTrips: number }

/** BEGIN is a round trip, and no statement that anybody is told of: one per COMMIT. */
const countOf = async (events: readonly StreamEvent[], size: number): Promise<Count> => {
  await using db = await openTestDatabase()
  let [statements, commits] = [0, 0]
  db.pool.observe({
    onStatement: (kind) => {
      statements += 1
      if (kind === 'commit') commits += 1
    },
    onWait: () => {},
    onError: (kind) => assert.fail(kind),
    onRows: () => {},
  })
  for (let from = 0; from < events.length; from += size)
    await apply(db.pool, events.slice(from, from + size), { resolveIdentities: true })
  const per1000 = (count: number) => Math.round((count * 1_000) / events.length)
  return { statements: per1000(statements), roundTrips: per1000(statements + commits) }
}

/**
 * Per 1,000 events, at most: what was measured (of 40 accounts 51 and 55, 186 and 197; of 400 accounts 46 and 49, 166 and 176) and a
 * twentieth. Whoever needs more says why and writes the number that the failure tells, with a twentieth; whoever needs less lowers it.
 */
const AT_MOST: Readonly<Record<number, Count>> = {
  2_000: { statements: 54, roundTrips: 58 },
  500: { statements: 195, roundTrips: 207 },
}

for (const accounts of [FEW_ACCOUNTS, MANY_ACCOUNTS])
  test(`a thousand events of ${accounts} accounts take no more statements and round trips than are written down`, async () => {
    const events = await history(accounts)
    for (const [size, limit] of Object.entries(AT_MOST)) {
      const { statements, roundTrips } = await countOf(events, Number(size))
      const told = `batches of ${size}: ${statements} statements, ${roundTrips} round trips per 1,000 events`
      assert.ok(statements <= limit.statements && roundTrips <= limit.roundTrips, told)
    }
  })

test('how many accounts the events are of changes nothing', async () => {
  const likes = (accounts: number): StreamEvent[] =>
    Array.from({ length: 1_000 }, (_, n) => {
      const did = didOf(`a${letters(n % accounts)}z`)
      return create(n, [did, 'like', `l${n}`], {
        subject: ref(at(did, 'post', `p${n}`)),
        createdAt: timeOf(n),
      })
    })
  assert.deepEqual(await countOf(likes(1_000), 500), await countOf(likes(10), 500))
})

const letters = (n: number): string => [...String(n)].map((digit) => 'abcdefghij'[Number(digit)]).join('')
