import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { StreamEvent } from '../event/event.ts'
import {
  apply,
  at,
  backfilled,
  create,
  didOf,
  nsidOf,
  openTestDatabase,
  ref,
  remove,
  rowsOf,
  timeOf,
  update,
  type TableRow,
  type TestDatabase,
} from './testing.ts'

let db: TestDatabase

before(async () => {
  db = await openTestDatabase()
})
after(() => db[Symbol.asyncDispose]())

const OTHER = didOf('other')
const POST = at(OTHER, 'post', 'p')

/** A collection, its table, two versions of a record, and a record key that fits. */
type Case = readonly [name: string, table: string, first: object, second: object, rkey?: string]

const dated = { createdAt: timeOf(0) }
const CASES: readonly Case[] = [
  ['post', 'post', { text: 'one', ...dated }, { text: 'two', ...dated }],
  ['like', 'like', { subject: ref(POST), ...dated }, { subject: ref(`${POST}2`), ...dated }],
  ['repost', 'repost', { subject: ref(POST), ...dated }, { subject: ref(`${POST}2`), ...dated }],
  ['follow', 'follow', { subject: OTHER, ...dated }, { subject: didOf('third'), ...dated }],
  ['block', 'actor_block', { subject: OTHER, ...dated }, { subject: didOf('third'), ...dated }],
  ['profile', 'profile', { displayName: 'one' }, { displayName: 'two' }, 'self'],
  ['list', 'list', listOf('one'), listOf('two')],
  [
    'listblock',
    'list_block',
    { subject: at(OTHER, 'list', 'a'), ...dated },
    { subject: at(OTHER, 'list', 'b'), ...dated },
  ],
  ['starterpack', 'starter_pack', packOf('one'), packOf('two')],
  ['generator', 'feed_generator', feedOf('one'), feedOf('two')],
  ['verification', 'verification', verificationOf('one'), verificationOf('two')],
  ['labeler', 'labeler', labelerOf(1), labelerOf(2), 'self'],
  [
    'optout',
    'reference_list_opt_out',
    { subject: at(OTHER, 'list', 'a'), ...dated },
    { subject: at(OTHER, 'list', 'b'), ...dated },
  ],
]

function listOf(name: string) {
  return { name, purpose: 'app.bsky.graph.defs#curatelist', ...dated }
}
function packOf(name: string) {
  return { name, list: at(OTHER, 'list', 'l'), ...dated }
}
function feedOf(displayName: string) {
  return { did: 'did:web:feeds.test', displayName, ...dated }
}
function verificationOf(displayName: string) {
  return { subject: OTHER, handle: 'other.test', displayName, ...dated }
}
function labelerOf(n: number) {
  return { policies: { labelValues: [] }, createdAt: timeOf(n) }
}

/** What the database holds of one account, table by table. */
const heldOf = async (did: string, table: string): Promise<Record<string, TableRow[]>> => ({
  record: await rowsOf(db.pool, 'record', { did }),
  [table]: await rowsOf(db.pool, table, { creator: did }),
  guard: (await rowsOf(db.pool, 'actor_sync', { did })).map(({ repoRev }) => ({ repoRev })),
})

for (const [name, table, first, second, rkey = 'key'] of CASES) {
  const run = async (who: string, ...batches: StreamEvent[][]): Promise<Record<string, TableRow[]>> => {
    for (const batch of batches) await apply(db.pool, batch)
    return heldOf(didOf(`${name}${who}`), table)
  }
  const path = (who: string) => [didOf(`${name}${who}`), name, rkey] as const

  test(`a ${name} that is created is there, with its record and the time of its event`, async () => {
    const held = await run('a', [create(1, path('a'), first)])
    assert.equal(held['record']?.[0]?.['uri'], at(didOf(`${name}a`), name, rkey))
    assert.deepEqual(held['record']?.[0]?.['json'], { $type: nsidOf(name), ...first })
    assert.equal(held[table]?.[0]?.['indexedAt'], timeOf(1))
  })

  test(`a ${name} that comes again, alone or twice in a batch, changes nothing`, async () => {
    const event = create(1, path('b'), first)
    const held = await run('b', [event])
    assert.deepEqual(await run('b', [event], [event, event], [event]), held)
  })

  test(`a ${name} that is updated is the new one, and the old one that comes late does not return`, async () => {
    const [old, fresh] = [create(1, path('c'), first), update(2, path('c'), second)]
    const held = await run('c', [old], [fresh])
    assert.deepEqual(held['record']?.[0]?.['json'], { $type: nsidOf(name), ...second })
    assert.equal(held[table]?.length, 1)
    assert.deepEqual(await run('c', [old]), held)
    const swapped = await run('d', [update(2, path('d'), second)], [create(1, path('d'), first)])
    const known = JSON.stringify(held).replaceAll(didOf(`${name}c`), didOf(`${name}d`))
    const cid = (rows: Record<string, TableRow[]>) => rows['record']?.[0]?.['cid'] as string
    assert.deepEqual(swapped, JSON.parse(known.replaceAll(cid(held), cid(swapped))))
  })

  test(`a ${name} that is deleted is gone, also when its creation comes after its deletion`, async () => {
    const gone = await run('e', [create(1, path('e'), first)], [remove(2, path('e'))])
    assert.deepEqual([gone['record'], gone[table]], [[], []])
    const never = await run('f', [remove(2, path('f'))], [create(1, path('f'), first)])
    assert.deepEqual([never['record'], never[table]], [[], []])
    const both = await run('g', [create(1, path('g'), first), remove(2, path('g'))])
    assert.deepEqual([both['record'], both[table]], [[], []])
  })

  test(`a ${name} that is made anew after its deletion is there, in one batch or in three`, async () => {
    const events = (who: string) => [
      create(1, path(who), first),
      remove(2, path(who)),
      create(3, path(who), first),
    ]
    for (const held of [
      await run('h', events('h')),
      await run('i', ...events('i').map((event) => [event])),
    ]) {
      assert.equal(held['record']?.length, 1)
      assert.equal(held[table]?.[0]?.['indexedAt'], timeOf(3))
    }
  })

  test(`a backfill of a ${name} that came live keeps the time when it came`, async () => {
    const live = create(1, path('j'), first)
    const held = await run('j', [live])
    const { applied } = await apply(db.pool, [backfilled(live, 9)])
    assert.deepEqual([applied.unchanged.length, applied.applied.length], [1, 1])
    const after = await heldOf(didOf(`${name}j`), table)
    assert.deepEqual([after['record'], after[table]], [held['record'], held[table]])
  })
}

test('a list item, and a gate, are refused when they are not in their own house, without harm to what is stored', async () => {
  const did = didOf('items')
  const item = (n: number, list: string) => ({
    list: at(list, 'list', 'l'),
    subject: OTHER,
    createdAt: timeOf(n),
  })
  const { plan } = await apply(db.pool, [
    create(1, [did, 'listitem', 'good'], item(1, did)),
    create(2, [did, 'listitem', 'bad'], item(2, OTHER)),
    update(3, [did, 'listitem', 'good'], item(3, OTHER)),
  ])
  assert.deepEqual([...plan.drops], [['foreign_list', 2]])
  assert.deepEqual(
    (await rowsOf(db.pool, 'list_item', { creator: did })).map(({ listUri }) => listUri),
    [at(did, 'list', 'l')],
  )
})

test('records of which the AppView reads nothing else are kept as they are', async () => {
  const did = didOf('plain')
  const value = { allowIncoming: 'all', constructor: { __proto: 1 } }
  await apply(db.pool, [create(1, [did, 'chat.bsky.actor.declaration', 'self'], value)])
  const [row] = await rowsOf(db.pool, 'record', { did })
  assert.deepEqual(row?.['json'], { $type: 'chat.bsky.actor.declaration', ...value })
})

test('the state of a repo only ever moves forward', async () => {
  const did = didOf('syncs')
  const closing = (n: number): StreamEvent => {
    const { seq, time, rev, commit } = remove(n, [did, 'like', 'x']) as Extract<
      StreamEvent,
      { type: 'delete' }
    >
    return { type: 'repo', seq, time, did, rev, commit }
  }
  await apply(db.pool, [closing(5)])
  await apply(db.pool, [closing(3)])
  await apply(db.pool, [remove(4, [did, 'like', 'x'])])
  const known = closing(5) as Extract<StreamEvent, { type: 'repo' }>
  assert.deepEqual(await rowsOf(db.pool, 'actor_sync', { did }), [
    { did, commitCid: known.commit, repoRev: known.rev },
  ])
})
