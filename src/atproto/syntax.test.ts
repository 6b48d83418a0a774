import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchesCollection, normalizeDatetime, parseAtUri, parseRecordPath, tidToMicros } from './syntax.ts'

test('a namespace filter ends at a dot', () => {
  assert.equal(matchesCollection('app.bsky.*', 'app.bsky.feed.post'), true)
  assert.equal(matchesCollection('app.bsky.*', 'app.bskyish.feed.post'), false)
  assert.equal(matchesCollection('app.bsky.*', 'app.bsky'), false)
  assert.equal(matchesCollection('app.bsky.feed.post', 'app.bsky.feed.post'), true)
  assert.equal(matchesCollection('app.bsky.feed.post', 'app.bsky.feed.postgate'), false)
  assert.equal(matchesCollection('*', 'any.thing.atAll'), true)
})

test('an at-uri gives its parts, those it lacks as null', () => {
  assert.deepEqual(parseAtUri('at://did:plc:abc/app.bsky.feed.post/3k'), {
    authority: 'did:plc:abc',
    collection: 'app.bsky.feed.post',
    rkey: '3k',
  })
  assert.deepEqual(parseAtUri('at://alice.test'), { authority: 'alice.test', collection: null, rkey: null })
  assert.equal(parseAtUri('at://did:plc:abc/app.bsky.feed.post/3k/more'), null)
})

test('a record path is exactly a collection and a record key', () => {
  assert.deepEqual(parseRecordPath('app.bsky.feed.post/3k'), { collection: 'app.bsky.feed.post', rkey: '3k' })
  for (const path of [
    '',
    '/',
    'app.bsky.feed.post',
    'app.bsky.feed.post/',
    'a/b',
    'app.bsky.feed.post/a/b',
    '/3k',
  ]) {
    assert.equal(parseRecordPath(path), null, path)
  }
})

test('a TID carries microseconds', () => {
  const micros = tidToMicros('3lmxjza3nva27')
  assert.equal(new Date((micros ?? 0) / 1000).toISOString(), '2025-04-16T21:30:26.724Z')
  assert.equal(tidToMicros('not a tid'), null)
})

test('datetimes are normalized as the reference does: leniently, or not at all', () => {
  assert.equal(normalizeDatetime('1985-04-12T23:20:50.123456+02:00'), '1985-04-12T21:20:50.123Z')
  assert.equal(normalizeDatetime('1985-04-12T23:20:50'), '1985-04-12T23:20:50.000Z')
  assert.equal(normalizeDatetime('1985-04-12'), '1985-04-12T00:00:00.000Z')
  assert.equal(normalizeDatetime('Fri, 12 Apr 1985 23:20:50 GMT'), '1985-04-12T23:20:50.000Z')
  assert.equal(normalizeDatetime('blah'), null)
  assert.equal(normalizeDatetime(''), null)
  assert.equal(normalizeDatetime('0000-01-01T00:00:00+01:00'), null)
})
