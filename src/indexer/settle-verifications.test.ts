import assert from 'node:assert/strict'
import { test } from 'node:test'
import { verificationNotifications, type VerificationVersion } from './settle-verifications.ts'
import { at, didOf, timeOf } from './testing.ts'

const [ALICE, BOB] = [didOf('alice'), didOf('bob')]

const version = (rkey: string, n: number, more: Partial<VerificationVersion> = {}): VerificationVersion => ({
  uri: at(ALICE, 'verification', rkey),
  at: timeOf(n),
  rev: String(n),
  fetched: false,
  cid: `cid ${rkey}`,
  subject: BOB,
  createdAt: timeOf(n),
  ...more,
})
const gone = (rkey: string, n: number) => version(rkey, n, { cid: null, subject: '' })

const wordsOf = (...versions: VerificationVersion[]) =>
  verificationNotifications(versions).map(({ recordUri, reason, sortAt }) => [
    recordUri.split('/').at(-1),
    reason,
    sortAt,
  ])

test('a verification tells its subject when it comes and when it goes, in whatever order we hear of it', () => {
  const told = [
    ['a', 'verified', timeOf(1)],
    ['a', 'unverified', timeOf(5)],
  ]
  assert.deepEqual(wordsOf(version('a', 1), gone('a', 5)), told)
  assert.deepEqual(wordsOf(gone('a', 5), version('a', 1)), told)
})

test('a second verification tells nothing until the first has gone', () => {
  assert.deepEqual(wordsOf(version('a', 1), version('b', 2)), [['a', 'verified', timeOf(1)]])
  assert.deepEqual(wordsOf(version('a', 1), version('b', 2), gone('a', 5)), [
    ['a', 'verified', timeOf(1)],
    ['a', 'unverified', timeOf(5)],
    ['b', 'verified', timeOf(2)],
  ])
  assert.deepEqual(wordsOf(version('a', 1), version('b', 2), gone('b', 3)), [['a', 'verified', timeOf(1)]])
})

test('a backfill of what was told live tells nothing new', () => {
  assert.deepEqual(wordsOf(version('a', 1), version('a', 9, { fetched: true })), [
    ['a', 'verified', timeOf(1)],
  ])
})

test('of two that a backfill brought at the same time the one that holds the row tells, and only that one', () => {
  const both = [version('b', 5, { rev: '1' }), version('a', 5, { rev: '2' })]
  assert.deepEqual(wordsOf(...both), [['a', 'verified', timeOf(5)]])
  assert.deepEqual(wordsOf(...both.toReversed()), [['a', 'verified', timeOf(5)]])
})
