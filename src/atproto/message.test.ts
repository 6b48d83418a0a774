/** Golden frames: every type of the two streams, in the forms that upstreams really send, and in broken ones. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { toBytes } from '@atcute/cbor'
import { encodeFrame, link } from '../../test/atproto/atproto-json.ts'
import { decodeFrame } from './frame.ts'
import { parseLabelMessage, parseRepoMessage } from './message.ts'

const CID = 'bafyreigewdja54vltktm26nis7j7tbnwu32fauquzmclqanvrgje5lzrci'
const OTHER = 'bafyreib5jsfpzhamtrcdj7cif765zvxdd5j2wgdjwsxwjf77pbqcirjjge'
const DID = 'did:plc:44ybard66vv44zksje25o7dz'
const TIME = '2025-04-01T04:01:32.384Z'
const REV = '3llpyftdf4h2r'

const at = { seq: 7, time: TIME }
const commit = {
  ...at,
  repo: DID,
  commit: link(CID),
  rev: REV,
  since: null,
  blobs: [],
  blocks: toBytes(Buffer.from('blocks')),
  ops: [{ action: 'create', path: 'app.bsky.feed.like/3k', cid: link(CID) }],
  rebase: false,
  tooBig: false,
}

const read = (bytes: Uint8Array) => {
  const frame = decodeFrame(bytes)
  if ('drop' in frame || frame.kind === 'error') return frame
  return parseRepoMessage(frame)
}
const repoMessage = (t: string, body: object) => read(encodeFrame({ op: 1, t }, body))
const labelMessage = (t: string, body: object) => {
  const frame = decodeFrame(encodeFrame({ op: 1, t }, body))
  assert.ok(!('drop' in frame) && frame.kind === 'message')
  return parseLabelMessage(frame)
}

const parsedCommit = {
  type: 'commit',
  ...at,
  repo: DID,
  commit: CID,
  rev: REV,
  since: null,
  prevData: null,
  tooBig: false,
  ops: [{ action: 'create', path: 'app.bsky.feed.like/3k', cid: CID, prev: null }],
  blocks: Buffer.from('blocks'),
}

const without = (body: Readonly<Record<string, unknown>>, ...names: string[]) =>
  Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)))

test('a commit is read whatever form its blobs have, and without the fields of old', () => {
  for (const blobs of [[], null, [link(OTHER)], [OTHER], 'nonsense']) {
    assert.deepEqual(repoMessage('#commit', { ...commit, blobs }), parsedCommit)
  }
  assert.deepEqual(
    repoMessage('#commit', without(commit, 'blobs', 'rebase', 'tooBig', 'since')),
    parsedCommit,
  )
})

test('a commit of Sync 1.1 says what was before', () => {
  const ops = [
    { action: 'update', path: 'a.b.c/d', cid: link(CID), prev: link(OTHER) },
    { action: 'delete', path: 'a.b.c/e', cid: null, prev: link(OTHER) },
  ]
  assert.deepEqual(repoMessage('#commit', { ...commit, ops, prevData: link(OTHER), since: REV }), {
    ...parsedCommit,
    since: REV,
    prevData: OTHER,
    ops: [
      { action: 'update', path: 'a.b.c/d', cid: CID, prev: OTHER },
      { action: 'delete', path: 'a.b.c/e', cid: null, prev: OTHER },
    ],
  })
})

test('a commit that was too big may come without ops and blocks', () => {
  const expected = { ...parsedCommit, tooBig: true, ops: [], blocks: new Uint8Array(0) }
  assert.deepEqual(repoMessage('#commit', { ...without(commit, 'blocks'), tooBig: true, ops: [] }), expected)
})

test('a commit without a field that we need is dropped with its seq', () => {
  for (const name of ['repo', 'commit', 'rev', 'blocks', 'ops', 'time']) {
    assert.deepEqual(repoMessage('#commit', without(commit, name)), { drop: 'invalid_message', seq: 7 }, name)
  }
  assert.deepEqual(repoMessage('#commit', without(commit, 'seq')), { drop: 'invalid_message' })
  for (const seq of [-1, 'one', null]) {
    assert.deepEqual(repoMessage('#commit', { ...commit, seq }), { drop: 'invalid_message' })
  }
})

test('a commit with a field of the wrong kind is dropped with its seq', () => {
  const wrong = [
    { repo: 'not a did' },
    { rev: 'not a tid' },
    { commit: CID },
    { prevData: CID },
    { blocks: 'text' },
    { ops: {} },
    { ops: [null] },
    { ops: [{ action: 'upsert', path: 'a.b.c/d', cid: null }] },
    { ops: [{ action: 'create', path: 3, cid: null }] },
    { ops: [{ action: 'create', path: 'a.b.c/d', cid: CID }] },
  ]
  for (const change of wrong) {
    const message = repoMessage('#commit', { ...commit, ...change })
    assert.deepEqual(message, { drop: 'invalid_message', seq: 7 }, JSON.stringify(change))
  }
})

test('a sync message has a rev and blocks', () => {
  const body = { ...at, did: DID, rev: REV, blocks: toBytes(Buffer.from('car')) }
  assert.deepEqual(repoMessage('#sync', body), {
    type: 'sync',
    ...at,
    did: DID,
    rev: REV,
    blocks: Buffer.from('car'),
  })
  assert.deepEqual(repoMessage('#sync', without(body, 'blocks')), { drop: 'invalid_message', seq: 7 })
})

test('an identity message is read with and without a handle', () => {
  assert.deepEqual(repoMessage('#identity', { ...at, did: DID }), { type: 'identity', ...at, did: DID })
  const named = { type: 'identity', ...at, did: DID, handle: 'alice.test' }
  assert.deepEqual(repoMessage('#identity', { ...at, did: DID, handle: 'alice.test' }), named)
  assert.deepEqual(repoMessage('#handle', { ...at, did: DID, handle: 'alice.test' }), named)
})

test('an account message keeps whatever status it has', () => {
  const words = [
    'takendown',
    'suspended',
    'deleted',
    'deactivated',
    'desynchronized',
    'throttled',
    'of-tomorrow',
  ]
  for (const status of words) {
    const body = { ...at, did: DID, active: false, status }
    assert.deepEqual(repoMessage('#account', body), { type: 'account', ...body })
  }
  const active = { type: 'account', ...at, did: DID, active: true, status: null }
  assert.deepEqual(repoMessage('#account', { ...at, did: DID, active: true }), active)
  assert.deepEqual(repoMessage('#account', { ...at, did: DID }), { drop: 'invalid_message', seq: 7 })
})

test('a tombstone is a deleted account', () => {
  const deleted = { type: 'account', ...at, did: DID, active: false, status: 'deleted' }
  assert.deepEqual(repoMessage('#tombstone', { ...at, did: DID }), deleted)
})

test('an info message needs no seq', () => {
  assert.deepEqual(repoMessage('#info', { name: 'OutdatedCursor', message: 'gone' }), {
    type: 'info',
    name: 'OutdatedCursor',
    message: 'gone',
  })
  assert.deepEqual(repoMessage('#info', { name: 'OutdatedCursor' }), {
    type: 'info',
    name: 'OutdatedCursor',
    message: null,
  })
  assert.deepEqual(repoMessage('#info', {}), { drop: 'invalid_message' })
})

test('an unknown type is dropped with its seq, also when it is named like a property of every object', () => {
  for (const type of ['#novelty', 'commit', '__proto__', 'constructor', '']) {
    assert.deepEqual(repoMessage(type, at), { drop: 'unknown_type', seq: 7 })
  }
})

test('an error frame says why the upstream goes away', () => {
  const frame = (body: object) => read(encodeFrame({ op: -1 }, body))
  const error = { kind: 'error', error: 'FutureCursor', message: 'from tomorrow' }
  assert.deepEqual(frame({ error: 'FutureCursor', message: 'from tomorrow' }), error)
  assert.deepEqual(frame({ error: 'FutureCursor' }), { ...error, message: null })
  assert.deepEqual(frame({}), { drop: 'bad_frame' })
})

test('bytes that are no frame are a drop', () => {
  const good = encodeFrame({ op: 1, t: '#commit' }, commit)
  const bad: Record<string, Uint8Array> = {
    nothing: Buffer.alloc(0),
    text: Buffer.from('{"op":1}'),
    'header only': encodeFrame({ op: 1, t: '#commit' }, commit).subarray(0, 14),
    truncated: good.subarray(0, good.length - 1),
    'trailing bytes': Buffer.concat([good, Buffer.from([0])]),
    'body that is no map': encodeFrame({ op: 1, t: '#commit' }, [1]),
    'header that is no map': encodeFrame(1, commit),
    'unknown op': encodeFrame({ op: 2, t: '#commit' }, commit),
    'no type': encodeFrame({ op: 1 }, commit),
    // Map keys out of order, and an indefinite length: CBOR, but not DAG-CBOR.
    'wrong order': Buffer.from('a2626f700161746523696e666fa0', 'hex'),
    indefinite: Buffer.from('bfff', 'hex'),
    'a million arrays': Buffer.alloc(1_000_000, 0x81),
  }
  for (const [name, bytes] of Object.entries(bad)) {
    assert.deepEqual(decodeFrame(bytes), { drop: 'bad_frame' }, name)
  }
  assert.deepEqual(decodeFrame(good, good.length - 1), { drop: 'oversize_frame' })
})

const label = { src: DID, uri: `at://${DID}/app.bsky.feed.post/3k`, val: 'spam', cts: TIME }

test('labels are read with and without their optional fields', () => {
  const full = {
    ...label,
    ver: 1,
    cid: CID,
    neg: true,
    exp: '2026-01-01T00:00:00Z',
    sig: toBytes(Buffer.alloc(64)),
  }
  assert.deepEqual(labelMessage('#labels', { seq: 3, labels: [full, label] }), {
    type: 'labels',
    seq: 3,
    labels: [
      { ...label, cid: CID, neg: true, exp: '2026-01-01T00:00:00Z' },
      { ...label, cid: null, neg: false, exp: null },
    ],
    invalidLabels: 0,
  })
})

test('a bad label is counted and its neighbours are kept', () => {
  const labels = [{ ...label, src: 'nobody' }, label, null, without(label, 'cts')]
  const message = labelMessage('#labels', { seq: 3, labels })
  assert.ok(!('drop' in message) && message.type === 'labels')
  assert.deepEqual([message.labels.length, message.invalidLabels], [1, 3])
})

test('other messages of a label stream are info or dropped', () => {
  assert.deepEqual(labelMessage('#info', { name: 'OutdatedCursor' }), {
    type: 'info',
    name: 'OutdatedCursor',
    message: null,
  })
  assert.deepEqual(labelMessage('#novelty', { seq: 3 }), { drop: 'unknown_type', seq: 3 })
  assert.deepEqual(labelMessage('#labels', { seq: 3 }), { drop: 'invalid_message', seq: 3 })
  assert.deepEqual(labelMessage('#labels', { labels: [] }), { drop: 'invalid_message' })
})
