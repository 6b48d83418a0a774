import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  decodeBackfill,
  decodeEvent,
  decodeLabels,
  encodeBackfill,
  encodeEvent,
  encodeLabels,
} from './codec.ts'
import type { StreamEvent } from './event.ts'

const origin = { seq: 7, time: '2025-11-01T00:00:00.000Z', did: 'did:plc:a' }
const commit = { commit: 'bafyc', rev: '3l4cjkha6a7x2' }
const path = { collection: 'app.bsky.feed.like', rkey: '3k' }

const events: StreamEvent[] = [
  { type: 'create', ...origin, ...commit, ...path, cid: 'bafyr', record: { $type: 'app.bsky.feed.like' } },
  { type: 'update', ...origin, ...commit, ...path, cid: 'bafyr', record: { text: 'a\u0000"\\u0000' } },
  { type: 'delete', ...origin, ...commit, ...path },
  { type: 'repo', ...origin, ...commit },
  { type: 'account', ...origin, active: false, status: 'takendown' },
  { type: 'account', ...origin, active: true, status: null },
  { type: 'identity', ...origin },
  { type: 'identity', ...origin, handle: 'a.test' },
]

test('every event survives its own encoding', () => {
  for (const event of events) assert.deepEqual(decodeEvent(encodeEvent(event)), event)
})

test('an entry has the keys of rsky in the order of rsky', () => {
  const keys = (event: StreamEvent) => Object.keys(JSON.parse(encodeEvent(event)['event'] ?? '') as object)
  const [create, , del, repo, account, , , identity] = events as [
    StreamEvent,
    StreamEvent,
    StreamEvent,
    StreamEvent,
    StreamEvent,
    StreamEvent,
    StreamEvent,
    StreamEvent,
  ]
  assert.deepEqual(keys(create), 'type seq time did commit rev collection rkey cid record'.split(' '))
  assert.deepEqual(keys(del), 'type seq time did commit rev collection rkey'.split(' '))
  assert.deepEqual(keys(repo), 'type seq time did commit rev'.split(' '))
  assert.deepEqual(keys(account), 'type seq time did active status'.split(' '))
  assert.deepEqual(keys(identity), 'type seq time did handle'.split(' '))
})

test('an entry written by rsky by hand is read', () => {
  const event = decodeEvent({
    event:
      '{"type":"account","seq":-1,"time":"2025-11-02T10:00:00.123456789+00:00","did":"did:plc:a","active":false,"status":"Takendown"}',
  })
  assert.deepEqual(event, {
    type: 'account',
    seq: -1,
    time: '2025-11-02T10:00:00.123456789+00:00',
    did: 'did:plc:a',
    active: false,
    status: 'takendown',
  })
})

test("the TypeScript ancestor's repo event without seq, and its backfill seq of -2, are both a backfill", () => {
  const repo = decodeEvent({ event: '{"type":"repo","time":"t","did":"did:plc:a","commit":"c","rev":"r"}' })
  assert.equal('seq' in repo && repo.seq, -1)
  const create = decodeEvent({
    event:
      '{"type":"create","seq":-2,"time":"t","did":"did:plc:a","commit":"c","rev":"r","collection":"x.y.z","rkey":"k","cid":"c","record":{}}',
  })
  assert.equal('seq' in create && create.seq, -1)
})

test('labels of both dialects are read alike', () => {
  const expected = {
    src: 'did:plc:l',
    uri: 'at://x',
    cid: null,
    val: 'spam',
    neg: false,
    cts: '2025-01-02T03:04:05.678Z',
    exp: null,
  }
  const rsky = decodeLabels({
    labels:
      '{"seq":3,"labels":[{"src":"did:plc:l","uri":"at://x","cid":null,"val":"spam","neg":null,"cts":"2025-01-02 03:04:05.678 UTC"}]}',
  })
  assert.deepEqual(rsky, { seq: 3, labels: [expected] })
  const ancestor = decodeLabels({
    event:
      '{"type":"label","label":{"src":"did:plc:l","uri":"at://x","val":"spam","cts":"2025-01-02T03:04:05.678Z","ver":1}}',
  })
  assert.deepEqual(ancestor, { seq: -1, labels: [expected] })
})

test('labels survive their own encoding, expiry and negation included', () => {
  const event = {
    seq: 9,
    labels: [
      {
        src: 's',
        uri: 'u',
        cid: 'c',
        val: 'v',
        neg: true,
        cts: '2025-01-02T03:04:05Z',
        exp: '2026-01-02T03:04:05Z',
      },
    ],
  }
  assert.deepEqual(decodeLabels(encodeLabels(event)), event)
})

test('a repo to backfill survives, and active defaults to true', () => {
  const event = { did: 'did:plc:a', host: 'https://relay', rev: 'r', status: null, active: false }
  assert.deepEqual(decodeBackfill(encodeBackfill(event)), event)
  assert.equal((decodeBackfill({ repo: '{"did":"did:plc:a"}' }) as { active: boolean }).active, true)
})

test('what cannot be read is poison with a reason, never an exception', () => {
  assert.deepEqual(decodeEvent({}), { poison: 'missing_field' })
  assert.deepEqual(decodeEvent({ event: '{' }), { poison: 'bad_json' })
  assert.deepEqual(decodeEvent({ event: 'null' }), { poison: 'invalid_event' })
  assert.deepEqual(decodeEvent({ event: '{"type":"new","did":"d","time":"t"}' }), { poison: 'unknown_type' })
  assert.deepEqual(decodeEvent({ event: '{"type":"create","did":"d","time":"t"}' }), {
    poison: 'invalid_event',
  })
  assert.deepEqual(decodeBackfill({ repo: '[]' }), { poison: 'invalid_event' })
  assert.deepEqual(decodeLabels({ labels: '{"seq":1}' }), { poison: 'invalid_event' })
  assert.deepEqual(decodeLabels({ labels: '{"seq":1,"labels":[3]}' }), { poison: 'invalid_event' })
})
