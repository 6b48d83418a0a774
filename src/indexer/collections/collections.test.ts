import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../../event/event.ts'
import type { Collection, Put, Row } from '../collection.ts'
import { at, cidOf, didOf, nsidOf, ref, timeOf } from '../testing.ts'
import { blobCid } from './blob.ts'
import { collectionByNsid, COLLECTIONS } from './index.ts'

const ALICE = didOf('alice')
const BOB = didOf('bob')
const CAROL = didOf('carol')
const POST = at(BOB, 'post', 'p')

const collectionOf = (name: string): Collection => {
  const found = collectionByNsid.get(nsidOf(name))
  assert.ok(found, name)
  return found
}

const putOf = (name: string, record: object, rkey = 'key'): Put => {
  const value = { $type: nsidOf(name), createdAt: timeOf(1), ...record } as JsonObject
  assert.ok(collectionOf(name).isValid(value), `a valid ${name}`)
  return {
    uri: at(ALICE, name, rkey),
    did: ALICE,
    rkey,
    cid: cidOf(name),
    record: value,
    indexedAt: timeOf(2),
  }
}

const rowOf = (name: string, record: object, rkey?: string): unknown =>
  collectionOf(name).row?.(putOf(name, record, rkey))

const common = (name: string, rkey = 'key') => ({
  uri: at(ALICE, name, rkey),
  cid: cidOf(name),
  creator: ALICE,
  createdAt: timeOf(1),
  indexedAt: timeOf(2),
})

const reasonsOf = (name: string, record: object): unknown[] => {
  const put = putOf(name, record)
  const collection = collectionOf(name)
  return (collection.notifies?.(collection.row?.(put) as Row, put) ?? []).map(
    ({ did, reason, reasonSubject }) => [did, reason, reasonSubject],
  )
}

test('the collections of the reference are known, each once', () => {
  assert.equal(COLLECTIONS.length, 20)
  assert.equal(collectionByNsid.size, 20)
})

test('what is counted or contended for is among the columns of the row', () => {
  const rows: Record<string, object> = {
    like: { subject: ref(POST) },
    repost: { subject: ref(POST) },
    follow: { subject: BOB },
    block: { subject: BOB },
    listblock: { subject: at(BOB, 'list', 'l') },
    listitem: { list: at(ALICE, 'list', 'l'), subject: BOB },
    verification: { subject: BOB, handle: 'bob.test', displayName: 'Bob' },
    optout: { subject: at(BOB, 'list', 'l') },
  }
  for (const { nsid, duplicateKey } of COLLECTIONS.filter((collection) => collection.duplicateKey)) {
    const name = Object.keys(rows).find((short) => nsidOf(short) === nsid)
    assert.ok(name, `${nsid} is tried here`)
    const row = rowOf(name, rows[name] ?? {}) as Row
    for (const column of duplicateKey ?? []) assert.equal(typeof row[column], 'string', `${nsid} ${column}`)
  }
})

for (const name of ['like', 'repost'] as const) {
  test(`a ${name} names its subject and the repost it came by`, () => {
    const via = ref(at(CAROL, 'repost', 'r'))
    assert.deepEqual(rowOf(name, { subject: ref(POST), via }), {
      ...common(name),
      subject: POST,
      subjectCid: cidOf(POST),
      via: via.uri,
      viaCid: via.cid,
    })
  })

  test(`a ${name} tells the author and who passed it on, but nobody of their own doing`, () => {
    const via = (did: string) => ({ via: ref(at(did, 'repost', 'r')) })
    const own = ref(at(ALICE, 'post', 'p'))
    assert.deepEqual(reasonsOf(name, { subject: ref(POST) }), [[BOB, name, POST]])
    assert.deepEqual(reasonsOf(name, { subject: ref(POST), ...via(CAROL) }), [
      [BOB, name, POST],
      [CAROL, `${name}-via-repost`, at(CAROL, 'repost', 'r')],
    ])
    assert.deepEqual(reasonsOf(name, { subject: ref(POST), ...via(ALICE) }), [[BOB, name, POST]])
    assert.deepEqual(reasonsOf(name, { subject: own, ...via(CAROL) }), [])
  })
}

test('a repost puts the post into the feeds of those who follow', () => {
  const [satellite] = collectionOf('repost').satellites ?? []
  assert.deepEqual(satellite?.rows(putOf('repost', { subject: ref(POST) })), [
    {
      uri: at(ALICE, 'repost', 'key'),
      cid: cidOf('repost'),
      type: 'repost',
      postUri: POST,
      originatorDid: ALICE,
      sortAt: timeOf(1),
    },
  ])
})

test('a follow names whom it follows and tells them', () => {
  assert.deepEqual(rowOf('follow', { subject: BOB }), { ...common('follow'), subjectDid: BOB })
  assert.deepEqual(reasonsOf('follow', { subject: BOB }), [[BOB, 'follow', null]])
})

test('a block names whom it blocks and tells nobody', () => {
  assert.deepEqual(rowOf('block', { subject: BOB }), { ...common('block'), subjectDid: BOB })
  assert.deepEqual(reasonsOf('block', { subject: BOB }), [])
})

test('an item stands on a list of its own account or nowhere', () => {
  const list = at(ALICE, 'list', 'l')
  assert.deepEqual(rowOf('listitem', { list, subject: BOB }), {
    ...common('listitem'),
    listUri: list,
    subjectDid: BOB,
  })
  assert.equal(rowOf('listitem', { list: at(BOB, 'list', 'l'), subject: BOB }), 'foreign_list')
})

for (const kind of ['threadgate', 'postgate']) {
  test(`a ${kind} stands beside a post of its own account, under the same key, or nowhere`, () => {
    const post = at(ALICE, 'post', 'key')
    assert.deepEqual(rowOf(kind, { post }), { ...common(kind), postUri: post })
    assert.equal(rowOf(kind, { post }, 'other'), 'foreign_gate')
    assert.equal(rowOf(kind, { post: at(BOB, 'post', 'key') }), 'foreign_gate')
    assert.equal(rowOf(kind, { post: at(ALICE, 'like', 'key') }), 'foreign_gate')
  })
}

test('a profile is the one under self; another one is a record and nothing more', () => {
  const avatar = { $type: 'blob', ref: { $link: cidOf('face') }, mimeType: 'image/png', size: 1 }
  const row = rowOf('profile', { displayName: 'Alice', avatar }, 'self') as Row
  assert.deepEqual([row['displayName'], row['avatarCid'], row['bannerCid']], ['Alice', cidOf('face'), null])
  assert.equal(rowOf('profile', { displayName: 'Alice' }, 'other'), null)
})

test('a profile that came by a starter pack tells who made the pack', () => {
  const pack = ref(at(BOB, 'starterpack', 's'))
  assert.deepEqual(reasonsOf('profile', { joinedViaStarterPack: pack }), [
    [BOB, 'starterpack-joined', pack.uri],
  ])
  assert.deepEqual(reasonsOf('profile', {}), [])
})

test('a labeler is the one under self', () => {
  const record = { policies: { labelValues: [] } }
  assert.deepEqual(rowOf('labeler', record, 'self'), common('labeler', 'self'))
  assert.equal(rowOf('labeler', record, 'other'), null)
})

test('an opt-out that names no list is a record and nothing more', () => {
  const list = at(BOB, 'list', 'l')
  assert.deepEqual(rowOf('optout', { subject: list }), { ...common('optout'), subjectUri: list })
  assert.equal(rowOf('optout', { subject: POST }), null)
})

test('lists and feeds keep the facets of their description as text', () => {
  const facets = [{ index: { byteStart: 0, byteEnd: 1 }, features: [] }]
  const list = rowOf('list', {
    name: 'l',
    purpose: 'app.bsky.graph.defs#curatelist',
    descriptionFacets: facets,
  })
  assert.equal((list as Row)['descriptionFacets'], JSON.stringify(facets))
  const feed = rowOf('generator', { did: 'did:web:feeds.test', displayName: 'f' }) as Row
  assert.deepEqual([feed['feedDid'], feed['descriptionFacets']], ['did:web:feeds.test', null])
})

test('a blob reference is read in both its forms, and anything else is none', () => {
  assert.equal(blobCid({ $type: 'blob', ref: { $link: 'bafy' } }), 'bafy')
  assert.equal(blobCid({ cid: 'bafy', mimeType: 'image/png' }), 'bafy')
  for (const other of [
    null,
    undefined,
    'bafy',
    {},
    { ref: {} },
    { ref: null },
    { ref: { $link: 1 } },
    { cid: 1 },
  ])
    assert.equal(blobCid(other), null)
})
