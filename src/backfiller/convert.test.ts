import { decode, encode, toBytes, toCidLink } from '@atcute/cbor'
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fromString } from '@atcute/cid'
import fc from 'fast-check'
import { decodeEvent } from '../event/codec.ts'
import type { StreamEvent } from '../event/event.ts'
import { accountEventOf, chunksOf, repoEventOf, type SnapshotRecord } from './convert.ts'

const snapshot = { did: 'did:plc:a', commit: 'bafyc', rev: '3l4cjkha6a7x2', time: '2026-01-02T03:04:05.678Z' }
const wide = { maxEntries: 500, maxBytes: 1_000_000, maxRecordBytes: 1_000_000 }
const record = (rkey: string, value: unknown): SnapshotRecord => ({
  collection: 'app.bsky.feed.post',
  rkey,
  cid: 'bafyr',
  value,
})
const eventsOf = (records: readonly SnapshotRecord[], limits = wide): StreamEvent[] =>
  [...chunksOf(snapshot, records, limits)].flatMap(({ entries }) =>
    entries.map((entry) => decodeEvent(entry) as StreamEvent),
  )

test('a record becomes a create event of the snapshot, seq -1', () => {
  assert.deepEqual(eventsOf([record('k', { text: 'hi' })]), [
    {
      type: 'create',
      seq: -1,
      ...snapshot,
      collection: 'app.bsky.feed.post',
      rkey: 'k',
      cid: 'bafyr',
      record: { text: 'hi' },
    },
  ])
})

test('links and bytes keep their atproto JSON form; arrays of small integers stay arrays', () => {
  const link = toCidLink(fromString('bafyreibml4midgt7ojq7dnabnku5ikzro4erfvdux6mmiqeat7pci2gy4u'))
  const block = encode({ link, bytes: toBytes(new Uint8Array([1, 2])), list: [1, 113, 18, 32] })
  const [event] = eventsOf([record('k', decode(block))])
  assert.deepEqual(event?.type === 'create' && event.record, {
    link: { $link: link.$link },
    bytes: { $bytes: 'AQI' },
    list: [1, 113, 18, 32],
  })
})

test('the repo event ends a snapshot, the account event replaces one', () => {
  const { did, commit, rev, time } = snapshot
  assert.deepEqual(repoEventOf(snapshot), { type: 'repo', seq: -1, time, did, commit, rev })
  assert.deepEqual(accountEventOf(did, 'takendown', time), {
    type: 'account',
    seq: -1,
    time,
    did,
    active: false,
    status: 'takendown',
  })
})

test('what is no record is counted where it was met, never thrown', () => {
  const cycle: Record<string, unknown> = {}
  cycle['self'] = cycle
  const records = [
    record('a', 'text'),
    record('b', [1]),
    record('c', null),
    record('d', cycle),
    record('e', { n: 1n }),
    record('f', { text: 'x'.repeat(2_000) }),
    record('g', {}),
  ]
  const [chunk, ...more] = [...chunksOf(snapshot, records, { ...wide, maxRecordBytes: 1_000 })]
  assert.deepEqual(chunk?.dropped, { invalid_record: 5, oversize_record: 1 })
  assert.equal(chunk?.entries.length, 1)
  assert.equal(more.length, 0)
})

test('a repo without records is no chunk', () => {
  assert.deepEqual([...chunksOf(snapshot, [], wide)], [])
})

test('chunks keep both limits, lose nothing and keep the order; one entry beyond the bytes goes alone', () => {
  const records = fc.array(fc.integer({ min: 0, max: 3_000 }), { maxLength: 40 })
  fc.assert(
    fc.property(records, fc.integer({ min: 1, max: 7 }), (sizes, maxEntries) => {
      const given = sizes.map((size, i) => record(`k${i}`, { text: 'x'.repeat(size) }))
      const limits = { ...wide, maxEntries, maxBytes: 2_000 }
      const chunks = [...chunksOf(snapshot, given, limits)]
      for (const { entries, bytes } of chunks) {
        assert.ok(entries.length <= maxEntries)
        assert.ok(bytes <= 2_000 || entries.length === 1)
        assert.equal(
          bytes,
          entries.reduce((sum, entry) => sum + Buffer.byteLength(entry['event'] ?? ''), 0),
        )
      }
      const rkeys = eventsOf(given, limits).map((event) => 'rkey' in event && event.rkey)
      assert.deepEqual(
        rkeys,
        given.map(({ rkey }) => rkey),
      )
    }),
    { numRuns: 50 },
  )
})
