/**
 * The ingester's law of conservation: whatever comes in, whatever breaks, and whenever one looks, received = written + filtered +
 * dropped + duplicate + abandoned + in hand. The whole ingester runs, on an embedded log, against sockets that misbehave.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { UnitOutcome } from '../../src/ingester/conservation.ts'
import { DID, errorFrame, LABEL, labelsFrame, until } from '../../src/ingester/testing.ts'
import { commit, FRAME_NAMES, FRAMES, OPS, World, type FrameName, type Part } from './conservation-world.ts'

type Units = Partial<Record<UnitOutcome, number>>

const UNITS: Readonly<Record<FrameName, Units>> = {
  'a created record': { written: 1 },
  'a commit with several operations': { written: 1, filtered: 1, dropped: 2 },
  'a commit of which everything is filtered': { filtered: 2 },
  'a commit without operations': { filtered: 1 },
  'a commit that was too big': { written: 1, filtered: 1 },
  'a commit that was too big for any operation': { written: 1 },
  'a sync': { written: 1 },
  'an identity': { written: 1 },
  'an account': { written: 1 },
  'a commit without its fields': { dropped: 1 },
  'a frame of an unknown type': { dropped: 1 },
  'a frame larger than allowed': { dropped: 1 },
  'a frame of poison': { dropped: 1 },
  'an info frame': {},
}

const NOTHING = { written: 0, filtered: 0, dropped: 0, duplicate: 0, abandoned: 0 }

const expectAccount = async (world: World, part: Part, units: Units): Promise<void> => {
  const outcomes = { ...NOTHING, ...units }
  const received = Object.values(outcomes).reduce((sum, count) => sum + count, 0)
  const account = () => world.ingester.ledgers[part].account()
  await until(`${part} has received ${received}`, () => account().received >= received)
  await until('nothing is in hand', () => account().inFlight === 0)
  assert.deepEqual(account(), { received, inFlight: 0, outcomes })
  await world.scrape()
  assert.deepEqual(world.violations, [])
}

for (const name of FRAME_NAMES) {
  test(`${name} is accounted for`, async () => {
    await using world = await World.open()
    world.relays[0]?.send(FRAMES[name](1), FRAMES['an identity'](2))
    const { written = 0, ...others } = UNITS[name]
    await expectAccount(world, 'firehose', { ...others, written: written + 1 })
  })
}

test('a commit that another relay has sent already counts each of its operations as a duplicate', async () => {
  await using world = await World.open()
  const [first, second] = world.relays
  const key = 'firehose_live:cursor:'
  first?.send(commit(1, [OPS.gone, OPS.gone]))
  await until('it is saved', async () => (await world.store.log.checkpoint(`${key}${first?.host}`)) === '1')
  second?.send(commit(1, [OPS.gone, OPS.gone]))
  await expectAccount(world, 'firehose', { written: 2, duplicate: 2 })
})

test('two requests for the same repo in one batch are two units and one entry', async () => {
  await using world = await World.open()
  world.relays[0]?.send(FRAMES['a sync'](1), FRAMES['a sync'](2))
  await expectAccount(world, 'firehose', { written: 2 })
})

test('labels are counted one by one, a frame that cannot be read as one', async () => {
  await using world = await World.open()
  world.labeler.send(labelsFrame(1, [LABEL, {}, LABEL]), labelsFrame(2, []), Buffer.from('poison'))
  await expectAccount(world, 'labels', { written: 2, dropped: 2 })
})

test('the items of a page are counted one by one', async () => {
  await using world = await World.open()
  const done = async () => (await world.ingester.metric('ingester_backfill_complete')) === 1
  await until('the lists are done', done)
  await listAgain(world)
  await expectAccount(world, 'repos', { written: 2, dropped: 1 })
})

test('what a stop with the store away leaves behind is abandoned, and nothing is in hand afterwards', async () => {
  await using world = await World.open()
  world.store.down = true
  world.relays[0]?.send(...[1, 2, 3, 4, 5].map(FRAMES['a created record']))
  world.labeler.send(labelsFrame(1, [LABEL, LABEL]))
  await until('all is in hand', () => world.inHand() === 7)
  await world.ingester.stop()
  await expectAccount(world, 'firehose', { abandoned: 5 })
  await expectAccount(world, 'labels', { abandoned: 2 })
})

test('what a failure of our own leaves behind is abandoned, too', async () => {
  await using world = await World.open()
  world.store.onAppend = (entries) => {
    if (entries.length > 0) throw new Error('disk on fire')
  }
  world.relays[0]?.send(...[1, 2, 3, 4].map(FRAMES['a created record']))
  await assert.rejects(world.ingester.ended, /disk on fire/)
  const { received, inFlight, outcomes } = world.ingester.ledgers.firehose.account()
  assert.ok(received > 0)
  assert.deepEqual([inFlight, outcomes], [0, { ...NOTHING, abandoned: received }])
})

const frames = fc.record({
  relay: fc.nat(1),
  names: fc.array(fc.constantFrom(...FRAME_NAMES), { minLength: 1, maxLength: 12 }),
  copied: fc.boolean(),
})
const names = [
  'labels',
  'page',
  'store away',
  'store back',
  'cut',
  'future cursor',
  'consume',
  'wait',
  'settle',
  'restart',
] as const
type Frames = { readonly relay: number; readonly names: readonly FrameName[]; readonly copied: boolean }
type Action = Frames | (typeof names)[number]
const action: fc.Arbitrary<Action> = fc.oneof(frames, fc.constantFrom(...names))

const ACTIONS: Readonly<Record<Extract<Action, string>, (world: World) => unknown>> = {
  labels: ({ labeler, seq }) => labeler.send(labelsFrame(seq, [LABEL, {}]), labelsFrame(seq + 1, [])),
  page: listAgain,
  'store away': ({ store }) => (store.down = true),
  'store back': ({ store }) => (store.down = false),
  cut: ({ relays, labeler }) => [...relays, labeler].forEach(({ current }) => current?.terminate()),
  'future cursor': ({ relays }) => relays[0]?.send(errorFrame('FutureCursor')),
  consume: (world) => world.consume(),
  wait: () => new Promise((resolve) => setTimeout(resolve, 15)),
  settle: (world) => world.settle(),
  restart: async (world) => {
    await world.ingester.stop()
    world.start()
  },
}

async function listAgain({ relays: [relay], store }: World): Promise<void> {
  if (relay === undefined || store.down) return
  relay.onPage = () => ({ body: { repos: [{ did: DID }, {}, { did: DID }] } })
  await store.log.append('repo_backfill', [], { name: `repo_backfill:cursor:${relay.host}`, value: '0' })
}

const send = (world: World, { relay, names, copied }: Frames): void => {
  const bytes = names.map((name) => FRAMES[name](world.seq++))
  world.relays[relay]?.send(...bytes)
  if (copied) world.relays[1 - relay]?.send(...bytes)
}

test('whatever breaks and whenever one looks, everything received is accounted for', async () => {
  let looks = 0
  const holds = async (actions: readonly Action[]): Promise<void> => {
    await using world = await World.open()
    for (const each of actions) {
      if (typeof each === 'string') await ACTIONS[each](world)
      else send(world, each)
      await world.scrape()
      assert.deepEqual(world.violations, [])
    }
    await world.settle()
    await world.ingester.stop()
    await world.scrape()
    assert.deepEqual(world.violations, [])
    assert.equal(world.inHand(), 0)
    looks += world.looks
  }
  await fc.assert(fc.asyncProperty(fc.array(action, { minLength: 5, maxLength: 30 }), holds), { numRuns: 25 })
  assert.ok(looks > 1_000, `${looks} looks are enough to have seen the ticks that matter`)
})
