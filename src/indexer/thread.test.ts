import assert from 'node:assert/strict'
import { test } from 'node:test'
import { datetimeOrEpoch, earlier, moment } from './time.ts'
import {
  forbidsEmbedding,
  isInvalidReply,
  mentionedDids,
  violatesThreadGate,
  type Gate,
  type GateFacts,
} from './thread.ts'

const reply = (root: string, parent: string) => ({ creator: 'alice', root, parent })
const parent = (replyRoot: string | null, invalidReplyRoot = false) => ({ replyRoot, invalidReplyRoot })

test('a reply to the root itself is valid when that root is no reply', () => {
  assert.equal(isInvalidReply(reply('root', 'root'), parent(null)), false)
  assert.equal(isInvalidReply(reply('root', 'root'), parent('other')), true)
})

test('a reply further down is valid when its parent names the same root', () => {
  assert.equal(isInvalidReply(reply('root', 'middle'), parent('root')), false)
  assert.equal(isInvalidReply(reply('root', 'middle'), parent('other')), true)
  assert.equal(isInvalidReply(reply('root', 'middle'), parent(null)), true)
})

test('a reply to what nobody has seen, or to an invalid reply, is invalid', () => {
  assert.equal(isInvalidReply(reply('root', 'root'), null), true)
  assert.equal(isInvalidReply(reply('root', 'middle'), parent('root', true)), true)
})

test('a reply to what was deleted is given the benefit of the doubt', () => {
  assert.equal(isInvalidReply(reply('root', 'middle'), 'gone'), false)
})

const facts = (known: Partial<GateFacts> = {}): GateFacts => ({
  rootOwner: 'owner',
  mentioned: [],
  follows: () => false,
  isListed: () => false,
  ...known,
})
const gate = (...rules: string[]): Gate => ({
  record: { allow: rules.map((rule) => ({ $type: `app.bsky.feed.threadgate#${rule}`, list: 'the list' })) },
})

test('without a gate, or with one that says nothing of whom it allows, everybody may reply', () => {
  assert.equal(violatesThreadGate('bob', null, facts()), false)
  assert.equal(violatesThreadGate('bob', { record: {} }, facts()), false)
})

test('a gate that allows nobody lets the owner of the thread in and nobody else', () => {
  assert.equal(violatesThreadGate('bob', gate(), facts()), true)
  assert.equal(violatesThreadGate('owner', gate(), facts()), false)
})

test('who is mentioned in the root may reply where mentions are allowed', () => {
  assert.equal(violatesThreadGate('bob', gate('mentionRule'), facts({ mentioned: ['bob'] })), false)
  assert.equal(violatesThreadGate('bob', gate('mentionRule'), facts({ mentioned: ['carol'] })), true)
})

test('whom the owner follows, and who follows the owner, are two different rules', () => {
  const ownerFollowsBob = facts({ follows: (a, b) => a === 'owner' && b === 'bob' })
  const bobFollowsOwner = facts({ follows: (a, b) => a === 'bob' && b === 'owner' })
  assert.equal(violatesThreadGate('bob', gate('followingRule'), ownerFollowsBob), false)
  assert.equal(violatesThreadGate('bob', gate('followingRule'), bobFollowsOwner), true)
  assert.equal(violatesThreadGate('bob', gate('followerRule'), bobFollowsOwner), false)
  assert.equal(violatesThreadGate('bob', gate('followerRule'), ownerFollowsBob), true)
})

test('who is on the list may reply where the list is allowed', () => {
  const listed = facts({ isListed: (list, did) => list === 'the list' && did === 'bob' })
  assert.equal(violatesThreadGate('bob', gate('listRule'), listed), false)
  assert.equal(violatesThreadGate('carol', gate('listRule'), listed), true)
})

test('one rule that lets somebody in is enough, and an unknown rule lets nobody in', () => {
  assert.equal(
    violatesThreadGate('bob', gate('futureRule', 'mentionRule'), facts({ mentioned: ['bob'] })),
    false,
  )
  assert.equal(violatesThreadGate('bob', gate('futureRule'), facts()), true)
})

test('a post gate forbids embedding only by the rule that says so', () => {
  assert.equal(forbidsEmbedding({ embeddingRules: [{ $type: 'app.bsky.feed.postgate#disableRule' }] }), true)
  assert.equal(forbidsEmbedding({ embeddingRules: [{ $type: 'app.bsky.feed.postgate#other' }] }), false)
  assert.equal(forbidsEmbedding({ embeddingRules: [] }), false)
  assert.equal(forbidsEmbedding({}), false)
})

test('mentions are taken from facets in their order; other features are none', () => {
  const mention = (did: string) => ({ $type: 'app.bsky.richtext.facet#mention', did })
  const facets = [
    { features: [mention('b'), { $type: 'app.bsky.richtext.facet#link' }] },
    {},
    { features: [{ $type: 'app.bsky.richtext.facet#mention' }, mention('a')] },
  ]
  assert.deepEqual(mentionedDids(facets), ['b', 'a'])
  assert.deepEqual(mentionedDids(undefined), [])
})

test('a date without meaning becomes the epoch, never an error', () => {
  for (const text of ['', 'soon', '2024-13-01T00:00:00Z', '+010000-01-01T00:00:00Z', '\u0000'])
    assert.equal(datetimeOrEpoch(text), '1970-01-01T00:00:00.000Z', text)
})

test('odd dates that mean something become text that sorts', () => {
  const odd: Record<string, string> = {
    '2023-05-01T10:00:00.123456Z': '2023-05-01T10:00:00.123Z',
    '2023-05-01T10:00:00+02:00': '2023-05-01T08:00:00.000Z',
    '2023-05-01T10:00:00': '2023-05-01T10:00:00.000Z',
    '2023-05-01': '2023-05-01T00:00:00.000Z',
    '0001-01-01T00:00:00Z': '0001-01-01T00:00:00.000Z',
  }
  for (const [text, expected] of Object.entries(odd)) assert.equal(datetimeOrEpoch(text), expected, text)
})

test('the earlier of two moments is found by their text', () => {
  assert.equal(earlier('2025-01-01T00:00:00.000Z', '2024-01-01T00:00:00.000Z'), '2024-01-01T00:00:00.000Z')
})

test('what comes within five minutes came live and counts from its event; what comes later, from what it says of itself', () => {
  const createdAt = '2025-01-01T00:00:00.000Z'
  assert.equal(moment({ createdAt, indexedAt: '2025-01-01T00:05:00.000Z' }), '2025-01-01T00:05:00.000Z')
  assert.equal(moment({ createdAt, indexedAt: '2025-01-01T00:05:00.001Z' }), createdAt)
})

test('a date from the future does not move a record before its event', () => {
  assert.equal(
    moment({ createdAt: '2099-01-01T00:00:00.000Z', indexedAt: '2025-01-01T00:00:00.000Z' }),
    '2025-01-01T00:00:00.000Z',
  )
})
