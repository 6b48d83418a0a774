import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { readPage } from './page.ts'
import { findNext, onFailure, onPage, startWalk, stepOf, type Walk } from './walk.ts'

const failed = { refused: false, retryAfterMs: null }
const refused = { refused: true, retryAfterMs: null }

const kinds = (walk: Walk, failures: number): string[] => {
  const seen: string[] = []
  for (let i = 0; i < failures; i++) {
    const reaction = onFailure(walk, failed)
    seen.push(`${reaction.kind} ${reaction.walk.limit}`)
    walk = reaction.walk
  }
  return seen
}

test('a page that fails is tried again three times, then made smaller down to one repo, then stepped over', () => {
  assert.deepEqual(kinds(startWalk('20973'), 14), [
    ...Array<string>(3).fill('wait 1000'),
    ...[500, 250, 125, 62, 31, 15, 7, 3, 1].map((limit) => `shrink ${limit}`),
    'search 1',
    'search 1',
  ])
})

test('an opaque cursor is never stepped', () => {
  assert.equal(kinds(startWalk('opaque'), 13).at(-1), 'stuck 1')
  assert.deepEqual([stepOf('7'), stepOf(null), stepOf('x7'), stepOf('1e3')], [7, 0, null, null])
})

test('a host that names a time to wait keeps its full page', () => {
  let walk = startWalk('7')
  for (let i = 0; i < 50; i++) {
    const reaction = onFailure(walk, { refused: false, retryAfterMs: 100 })
    assert.equal(reaction.kind, 'wait')
    walk = reaction.walk
  }
  assert.deepEqual(walk, startWalk('7'))
})

test('a refused cursor begins the list again once, not for ever', () => {
  const reset = onFailure(startWalk('500'), refused)
  assert.deepEqual([reset.kind, reset.walk.cursor], ['reset', null])
  const later = { ...reset.walk, cursor: '500' }
  assert.equal(onFailure(later, refused).kind, 'wait')
  assert.equal(onFailure(startWalk(null), refused).kind, 'wait')
})

test('pages grow back after a success, and only a full page wins back patience', () => {
  const small = { ...startWalk('7'), limit: 300, failures: 9 }
  const next = onPage(small, '10')
  assert.deepEqual([next.limit, next.failures, next.cursor], [600, 3, '10'])
  assert.equal(onPage(onPage(next, '11'), '12').failures, 0)
})

test('the place where a list goes on is found exactly, whatever the length of the bad one', async () => {
  const property = fc.asyncProperty(
    fc.nat(5_000),
    fc.integer({ min: 1, max: 5_000 }),
    async (from, length) => {
      const next = await findNext(from, async (position) => position >= from + length)
      assert.equal(next, from + length)
    },
  )
  await fc.assert(property, { numRuns: 50 })
})

test('a host that fails everywhere is no bad place', async () => {
  assert.equal(await findNext(5, async () => false), null)
})

test('a host that recovers during the search skips nothing', async () => {
  let asked = 0
  assert.equal(await findNext(5, async () => ++asked > 6), 5)
})

test('a page is read leniently: a bad item costs itself, inactive repos pass, a number is a cursor', () => {
  const output = {
    cursor: 17,
    repos: [
      { did: 'did:plc:a', head: 'x', rev: 'r1', active: true },
      { did: 'did:plc:b', head: 'x', rev: 'r2', active: false, status: 'takendown' },
      { did: 'did:plc:c' },
      { did: 'nobody' },
      null,
      3,
    ],
  }
  assert.deepEqual(readPage(output, 'https://relay.test'), {
    repos: [
      { did: 'did:plc:a', host: 'https://relay.test', rev: 'r1', status: null, active: true },
      { did: 'did:plc:b', host: 'https://relay.test', rev: 'r2', status: 'takendown', active: false },
      { did: 'did:plc:c', host: 'https://relay.test', rev: '', status: null, active: true },
    ],
    listed: 6,
    dropped: 3,
    cursor: '17',
  })
  assert.equal(readPage({ repos: [], cursor: '' }, 'h')?.cursor, null)
  assert.equal(readPage({ cursor: 'x' }, 'h'), null)
})
