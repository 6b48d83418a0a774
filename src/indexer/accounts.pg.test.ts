import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, test } from 'node:test'
import type { Resolver } from '../atproto/identity.ts'
import type { StreamEvent } from '../event/event.ts'
import { TransientError } from '../lib/errors.ts'
import { RecentDids } from './accounts.ts'
import { createLookup, type Lookup } from './lookup.ts'
import {
  account,
  apply,
  at,
  create,
  didOf,
  identity,
  openTestDatabase,
  ref,
  remove,
  rowsOf,
  timeOf,
  type TestDatabase,
} from './testing.ts'
import { asked, named, settleWith } from './testing-accounts.ts'

let db: TestDatabase

before(async () => {
  db = await openTestDatabase()
})
after(() => db[Symbol.asyncDispose]())

const settle = (lookup: Lookup, ...events: StreamEvent[]) => settleWith(db.pool, lookup, events)

const handles = async (...dids: string[]): Promise<unknown[]> =>
  Promise.all(dids.map(async (did) => (await rowsOf(db.pool, 'actor', { did }))[0]?.['handle']))
const statusOf = async (did: string) => (await rowsOf(db.pool, 'actor', { did }))[0]?.['upstreamStatus']
const OK = { active: true, status: null }

test('an account is looked up when it is first seen, and not again for every event', async () => {
  const did = didOf('first')
  const lookup = asked({ [did]: named('first.test') })
  const like = create(1, [did, 'like', 'l'], {
    subject: ref(at(didOf('x'), 'post', 'p')),
    createdAt: timeOf(1),
  })
  assert.deepEqual(await settle(lookup, like), ['resolved'])
  assert.deepEqual(await handles(did), ['first.test'])
  assert.deepEqual(await settle(lookup, remove(2, [did, 'like', 'l'])), [])
  assert.deepEqual(await settle(lookup, identity(3, did)), ['resolved'])
})

test('an account is looked up again when its handle is a day old, or missing for an hour', async () => {
  const [fresh, bare] = [didOf('daily'), didOf('bare')]
  const lookup = asked({ [fresh]: named('daily.test'), [bare]: { identity: { handle: null } } })
  const both = (n: number) => [remove(n, [fresh, 'like', 'l']), remove(n, [bare, 'like', 'l'])]
  assert.deepEqual(await settle(lookup, ...both(1)), ['no_handle', 'resolved'])
  assert.deepEqual(await settle(lookup, ...both(3_500)), [])
  assert.deepEqual(await settle(lookup, ...both(3_700)), ['no_handle'])
  assert.deepEqual(await settle(lookup, ...both(90_000)), ['no_handle', 'resolved'])
})

test('an event from the year 0 finds its account like any other', async () => {
  const did = didOf('ancient')
  const event = { ...identity(1, did), time: '0000-01-01T00:00:00.000Z' }
  assert.deepEqual(await settle(asked({ [did]: named('ancient.test') }), event), ['resolved'])
})

test('two accounts that swap their handles have them swapped', async () => {
  const [a, b] = [didOf('swapa'), didOf('swapb')]
  await settle(asked({ [a]: named('one.test'), [b]: named('two.test') }), identity(1, a), identity(1, b))
  await settle(asked({ [a]: named('two.test'), [b]: named('one.test') }), identity(2, a), identity(2, b))
  assert.deepEqual(await handles(a, b), ['two.test', 'one.test'])
})

test('a handle that moves is taken from who had it', async () => {
  const [a, b] = [didOf('movea'), didOf('moveb')]
  await settle(asked({ [a]: named('moving.test') }), identity(1, a))
  await settle(asked({ [b]: named('moving.test') }), identity(2, b))
  assert.deepEqual(await handles(a, b), [null, 'moving.test'])
})

test('two accounts that claim one handle at the same time end with one of them having it', async () => {
  const [a, b, c] = [didOf('claima'), didOf('claimb'), didOf('claimc')]
  const lookup = asked({ [a]: named('claimed.test'), [b]: named('claimed.test'), [c]: named('calm.test') })
  await settle(lookup, identity(1, a), identity(1, b), identity(1, c))
  const [x, y, z] = await handles(a, b, c)
  assert.deepEqual([[x, y].sort(), z], [['claimed.test', null], 'calm.test'])
})

test('an account that cannot be asked now is asked later, and holds up nobody', async () => {
  const [dead, well] = [didOf('dead'), didOf('well')]
  await apply(db.pool, [identity(1, dead), identity(1, well)], { resolveIdentities: true })
  assert.deepEqual(await settle(asked({ [well]: named('well.test') })), ['failed', 'resolved'])
  const [work] = await rowsOf(db.pool, 'millrace.identity_work', { did: dead })
  assert.equal(work?.['tries'], 1)
  await db.pool.query({ text: 'delete from millrace.identity_work where did = $1', values: [dead] })
})

for (const [status, body] of [
  [400, { error: 'InvalidRequest' }],
  [404, {}],
  [501, { error: 'MethodNotImplemented' }],
] as const) {
  test(`a PDS that answers ${status} when asked for an account's state is asked again later`, async () => {
    const server = createServer((_, response) => response.writeHead(status).end(JSON.stringify(body))).listen(
      0,
      '127.0.0.1',
    )
    await new Promise((resolve) => server.once('listening', resolve))
    const pds = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const resolver: Resolver = {
      resolveDid: async (did) => ({ did, handle: null, signingKey: null, pds }),
      resolveHandle: async () => null,
    }
    const lookup = createLookup(resolver, 5_000)
    await assert.rejects(lookup.status(didOf('x'), new AbortController().signal), TransientError)
    server.close()
  })
}

test('of the states of an account the newest stands, in whatever order they come', async () => {
  const did = didOf('states')
  await settle(asked({ [did]: named('states.test') }), identity(1, did))
  await apply(db.pool, [account(5, did, false, 'suspended')])
  await apply(db.pool, [account(3, did, true, null)])
  assert.equal(await statusOf(did), 'suspended')
  await apply(db.pool, [account(6, did, true, null)])
  await apply(db.pool, [account(5, did, false, 'suspended'), account(4, did, false, 'takendown')])
  assert.equal(await statusOf(did), null)
})

test('every state that the AppView knows is kept, and one that it does not know is no error', async () => {
  const did = didOf('words')
  await settle(asked({ [did]: named('words.test') }), identity(1, did))
  const seen: unknown[] = []
  for (const [index, status] of [
    'deactivated',
    'suspended',
    'takendown',
    'throttled',
    'desynchronized',
    'newly-invented',
  ].entries()) {
    await apply(db.pool, [account(index + 2, did, false, status)])
    seen.push(await statusOf(did))
  }
  assert.deepEqual(seen, ['deactivated', 'suspended', 'takendown', null, null, null])
})

test('a state that is known before the account is seen is there when it is', async () => {
  const did = didOf('early')
  await apply(db.pool, [account(1, did, false, 'takendown')])
  await settle(asked({ [did]: named('early.test') }), identity(2, did))
  assert.equal(await statusOf(did), 'takendown')
})

test('a deactivation that the old PDS tells of an account that moved is set right by its present one', async () => {
  const did = didOf('mover')
  await settle(asked({ [did]: named('mover.test') }), identity(1, did))
  const stays = { [did]: { ...named('mover.test'), status: OK } }
  await settle(asked(stays), account(2, did, false, 'deactivated'))
  assert.equal(await statusOf(did), null)
  const leaves = { [did]: { ...named('mover.test'), status: { active: false, status: 'deactivated' } } }
  await settle(asked(leaves), account(3, did, false, 'deactivated'))
  assert.equal(await statusOf(did), 'deactivated')
})

test('who asks for the status of an account alone leaves its handle as it is: a deactivated one answers for none', async () => {
  const did = didOf('sleeper')
  await settle(asked({ [did]: named('sleeper.test') }), identity(1, did))
  const asleep = {
    [did]: { identity: { handle: null }, status: { active: false, status: 'deactivated' } },
  }
  await settle(asked(asleep), account(2, did, false, 'deactivated'))
  const [line] = await rowsOf(db.pool, 'actor', { did })
  assert.deepEqual(
    [line?.['handle'], line?.['upstreamStatus'], line?.['indexedAt']],
    ['sleeper.test', 'deactivated', timeOf(1)],
  )
  await settle(asked(asleep), identity(3, did))
  assert.deepEqual(await handles(did), [null])
})

test('an account that is heard of first by its deactivation gets its line all the same', async () => {
  const did = didOf('unseen-sleeper')
  const status = { active: false, status: 'deactivated' }
  await settle(asked({ [did]: { ...named('unseen.test'), status } }), account(1, did, false, 'deactivated'))
  assert.deepEqual([...(await handles(did)), await statusOf(did)], ['unseen.test', 'deactivated'])
})

test('accounts seen lately are remembered within bounds', () => {
  const recent = new RecentDids({ max: 2, ttlMs: 60_000 })
  for (const did of ['a', 'b', 'a', 'c']) recent.add(did)
  assert.deepEqual(
    ['a', 'b', 'c'].map((did) => recent.has(did)),
    [true, false, true],
  )
  const brief = new RecentDids({ max: 2, ttlMs: -1 })
  brief.add('a')
  assert.equal(brief.has('a'), false)
})
