import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { StreamEvent } from '../event/event.ts'
import { linesOf } from './drop-line.ts'
import { INVALID_REASONS } from './drop-reasons.ts'
import { planEvents } from './plan.ts'
import { account, at, backfilled, create, didOf, revOf, timeOf } from './testing.ts'

const ALICE = didOf('alice')
const bad = create(1, [ALICE, 'post', 'p'], { text: 1, createdAt: timeOf(1) })
const linesFor = (...events: StreamEvent[]) => linesOf(planEvents(events).invalid)

test('a line says which record, of which revision and time, and what its lexicon minds', () => {
  const [line] = linesFor(bad)
  assert.deepEqual(
    { ...line, key: '' },
    {
      key: '',
      did: ALICE,
      uri: at(ALICE, 'post', 'p'),
      rev: revOf(1),
      at: timeOf(1),
      reason: 'invalid_record',
      detail: line?.detail,
    },
  )
  assert.match(line?.detail ?? '', /text.*string/)
})

test('an event that comes again, in whatever way, has the same line', () => {
  const [first] = linesFor(bad)
  const again = { ...backfilled(bad, 7), rev: revOf(1) } as StreamEvent
  assert.equal(linesFor(bad, again).length, 1)
  assert.equal(linesFor(again)[0]?.key, first?.key)
  assert.notEqual(linesFor({ ...bad, rev: revOf(2) } as StreamEvent)[0]?.key, first?.key)
})

test('an event without a time that can be read has a line without one', () => {
  const [line] = linesFor({ ...account(1, ALICE, true, null), time: 'yesterday' })
  assert.deepEqual([line?.uri, line?.rev, line?.at], [`at://${ALICE}`, null, null])
  assert.equal(line?.detail, 'no time: "yesterday"')
})

test('a collection that is not kept gives no line', () => {
  assert.deepEqual(linesFor(create(1, [ALICE, 'com.example.thing', 'x'], {})), [])
})

test('whatever an event holds, its line can be stored and is bounded', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('\u0000', '\ud800', 'x'.repeat(1e5), '👩'.repeat(2e3)),
  )
  fc.assert(
    fc.property(fc.tuple(text, text, text, text), fc.constantFrom(...INVALID_REASONS), (texts, reason) => {
      const [did, rkey, rev, time] = texts
      const event = { ...create(1, [did, 'post', rkey], { [rkey]: 1, text: 2 }), rev, time }
      const [line] = linesOf([{ event, reason }])
      assert.ok(line)
      for (const value of [line.did, line.uri, line.rev ?? '', line.detail]) {
        assert.ok(value.isWellFormed() && !value.includes('\u0000'))
        assert.ok(value.length <= 3_000)
      }
    }),
  )
})
