import assert from 'node:assert/strict'
import { test } from 'node:test'
import { lagOf, type LagFacts } from './lag.ts'

/** Ten entries 1-0 … 10-0 added; the first six delivered, of which 1 to 4 are acknowledged, hence deleted. */
const usual: LagFacts = {
  length: 6,
  first: [5, 0],
  lastGenerated: [10, 0],
  lastDelivered: [6, 0],
  entriesAdded: 10,
  maxDeleted: [4, 0],
  entriesRead: 6,
  groups: 1,
  pending: 2,
}

const redis62 = { entriesAdded: null, maxDeleted: null, entriesRead: null }

test('counts what was never delivered', () => {
  assert.equal(lagOf(usual), 4)
  assert.equal(lagOf({ ...usual, ...redis62 }), 4)
  assert.equal(lagOf({ ...usual, groups: 2 }), 4)
  assert.equal(lagOf({ ...usual, maxDeleted: [6, 0] }), 4)
})

test('is zero at the end and the whole stream before its start, whatever the counters say', () => {
  const lying = { entriesAdded: 1_000, entriesRead: 1, groups: 3 }
  assert.equal(lagOf({ ...usual, ...lying, lastDelivered: [10, 0] }), 0)
  assert.equal(lagOf({ ...usual, ...lying, length: 0, first: null }), 0)
  assert.equal(lagOf({ ...usual, ...lying, lastDelivered: [4, 9] }), 6)
  assert.equal(lagOf({ ...usual, ...lying, lastDelivered: [0, 0] }), 6)
})

test('is unknown, never a guess, when nothing proves it', () => {
  assert.equal(lagOf({ ...usual, ...redis62, groups: 2 }), null)
  assert.equal(lagOf({ ...usual, entriesRead: null }), null)
  assert.equal(lagOf({ ...usual, maxDeleted: [8, 0] }), null)
  assert.equal(lagOf({ ...usual, entriesAdded: 50 }), null)
  assert.equal(lagOf({ ...usual, lastDelivered: [99, 0] }), null)
  assert.equal(lagOf({ ...usual, ...redis62, length: 1, pending: 5 }), null)
})
