import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Label } from '../event/event.ts'
import { LABEL_DROPS, planLabels, type LabelDrop } from './labels.ts'
import { timeOf } from './testing.ts'

const label = (n: number, more: Partial<Label> = {}): Label => ({
  src: 'did:plc:labeler',
  uri: 'at://did:plc:alice/app.bsky.feed.post/p',
  cid: null,
  val: 'spam',
  neg: false,
  cts: timeOf(n),
  exp: null,
  ...more,
})

test('of the labels of one key the latest is planned, in any order', () => {
  const labels = [label(1), label(3, { neg: true }), label(2)]
  assert.deepEqual(planLabels(labels).labels, [label(3, { neg: true })])
  assert.deepEqual(planLabels(labels.toReversed()).labels, [label(3, { neg: true })])
})

test('at the same instant a negation stands, and of two assertions the one that lasts longer', () => {
  for (const [stands, falls] of [
    [label(1, { neg: true }), label(1)],
    [label(1, { exp: timeOf(9) }), label(1, { exp: timeOf(8) })],
    [label(1), label(1, { exp: timeOf(8) })],
  ] as const) {
    assert.deepEqual(planLabels([stands, falls]).labels, [stands])
    assert.deepEqual(planLabels([falls, stands]).labels, [stands])
  }
})

test('source, subject, cid and value each make another label', () => {
  const labels = [
    label(1),
    label(1, { src: 'x' }),
    label(1, { uri: 'x' }),
    label(1, { cid: 'x' }),
    label(1, { val: 'x' }),
  ]
  assert.equal(planLabels(labels).labels.length, 5)
})

test('times are normalised before they are compared', () => {
  const [planned] = planLabels([label(0, { cts: '2025-01-01T02:00:00+02:00', exp: '2026-01-01' })]).labels
  assert.equal(planned?.cts, '2025-01-01T00:00:00.000Z')
  assert.equal(planned?.exp, '2026-01-01T00:00:00.000Z')
})

const BAD: Record<LabelDrop, readonly Label[]> = {
  invalid_time: [label(1, { cts: 'now' }), label(1, { exp: 'never' })],
  unstorable_text: [
    label(1, { val: '\u0000' }),
    label(1, { src: '\ud800' }),
    label(1, { uri: 'a\u0000' }),
    label(1, { cid: '\udfff' }),
  ],
  too_long: [label(1, { val: 'x'.repeat(1_000_000) }), label(1, { uri: 'é'.repeat(1_300) })],
}

for (const reason of LABEL_DROPS) {
  test(`a label that is ${reason} is dropped with that reason, and its neighbours are not`, () => {
    const { labels, drops } = planLabels([...BAD[reason], label(2)])
    assert.deepEqual(labels, [label(2)])
    assert.deepEqual([...drops], [[reason, BAD[reason].length]])
  })
}
