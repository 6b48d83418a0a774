import assert from 'node:assert/strict'
import { test } from 'node:test'
import { namespaceOf, Tally } from './namespace.ts'

test('every path belongs to one namespace, whatever it looks like', () => {
  const expected = {
    'app.bsky.feed.post/3k': 'app.bsky.feed',
    'app.bsky.graph.follow/3k': 'app.bsky.graph',
    'app.bsky.actor.profile/self': 'app.bsky.actor',
    'app.bsky.notification.declaration/self': 'app.bsky.other',
    'app.bsky.feedback/3k': 'app.bsky.other',
    'chat.bsky.actor.declaration/self': 'chat.bsky',
    'fm.teal.alpha.feed.play/3k': 'other',
    'app.bskyx.feed.post/3k': 'other',
    '': 'other',
  } as const
  for (const [path, namespace] of Object.entries(expected)) assert.equal(namespaceOf(path), namespace, path)
})

test('a tally has one row per namespace and outcome', () => {
  const tally = new Tally()
  tally.count('app.bsky.feed.post/a', 'kept')
  tally.count('app.bsky.feed.like/b', 'kept')
  tally.count('app.bsky.feed.like/c', 'dropped')
  assert.deepEqual(tally.counts, [
    { namespace: 'app.bsky.feed', outcome: 'kept', count: 2 },
    { namespace: 'app.bsky.feed', outcome: 'dropped', count: 1 },
  ])
})
