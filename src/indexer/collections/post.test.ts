import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../../event/event.ts'
import type { Row } from '../collection.ts'
import { at, cidOf, didOf, ref, timeOf } from '../testing.ts'
import { post } from './post.ts'

const ALICE = didOf('alice')
const BOB = didOf('bob')
const URI = at(ALICE, 'post', 'p')
const BASE = { $type: 'app.bsky.feed.post', text: 'hello', createdAt: timeOf(1) }
const QUOTED = at(BOB, 'post', 'q')

const blob = (name: string, mimeType = 'image/jpeg') => ({
  $type: 'blob',
  ref: { $link: cidOf(name) },
  mimeType,
  size: 1,
})

/** Row and satellites by table, as the record becomes them; refuses what the lexicon refuses. */
const tablesOf = (more: object): Record<string, readonly Row[]> => {
  const record = { ...BASE, ...more } as unknown as JsonObject
  assert.ok(post.isValid(record), 'a valid record')
  const put = { uri: URI, did: ALICE, rkey: 'p', cid: cidOf('p'), record, indexedAt: timeOf(2) }
  const row = post.row?.(put) as Row
  const satellites = (post.satellites ?? []).map(({ table, rows }) => [table, rows(put)] as const)
  return { post: [row], ...Object.fromEntries(satellites.filter(([, rows]) => rows.length > 0)) }
}

const embedOf = (embed: object): Record<string, readonly Row[]> => {
  const { post: _post, feed_item: _item, ...embeds } = tablesOf({ embed })
  return embeds
}

const IMAGES = {
  $type: 'app.bsky.embed.images',
  images: [
    { image: blob('one'), alt: 'first' },
    { image: blob('two'), alt: '' },
  ],
}
const IMAGE_ROWS = [
  { postUri: URI, position: '0', imageCid: cidOf('one'), alt: 'first' },
  { postUri: URI, position: '1', imageCid: cidOf('two'), alt: '' },
]
const EXTERNAL = {
  $type: 'app.bsky.embed.external',
  external: { uri: 'https://example.com/', title: 'a title', description: '', thumb: blob('thumb') },
}
const EXTERNAL_ROWS = [
  { postUri: URI, uri: 'https://example.com/', title: 'a title', description: '', thumbCid: cidOf('thumb') },
]
const VIDEO = { $type: 'app.bsky.embed.video', video: blob('film', 'video/mp4'), alt: 'a film' }
const VIDEO_ROWS = [{ postUri: URI, videoCid: cidOf('film'), alt: 'a film' }]
const RECORD = { $type: 'app.bsky.embed.record', record: ref(QUOTED) }
const RECORD_ROWS = [{ postUri: URI, embedUri: QUOTED, embedCid: cidOf(QUOTED) }]
const QUOTE_ROWS = [
  {
    uri: URI,
    cid: cidOf('p'),
    subject: QUOTED,
    subjectCid: cidOf(QUOTED),
    createdAt: timeOf(1),
    indexedAt: timeOf(2),
  },
]

test('a post becomes a row and an item of the feeds', () => {
  assert.deepEqual(tablesOf({ langs: ['de', 'en'], tags: ['x'] }), {
    post: [
      {
        uri: URI,
        cid: cidOf('p'),
        creator: ALICE,
        text: 'hello',
        createdAt: timeOf(1),
        replyRoot: null,
        replyRootCid: null,
        replyParent: null,
        replyParentCid: null,
        langs: '["de","en"]',
        tags: '["x"]',
        indexedAt: timeOf(2),
      },
    ],
    feed_item: [
      { uri: URI, cid: cidOf('p'), type: 'post', postUri: URI, originatorDid: ALICE, sortAt: timeOf(1) },
    ],
  })
})

test('a post from the future takes its place in the feeds by the time of its event', () => {
  assert.equal(tablesOf({ createdAt: '2099-01-01T00:00:00Z' })['feed_item']?.[0]?.['sortAt'], timeOf(2))
})

test('empty lists of languages and tags are none', () => {
  const [row] = tablesOf({ langs: [], tags: [] })['post'] ?? []
  assert.deepEqual([row?.['langs'], row?.['tags']], [null, null])
})

test('a reply keeps both its references', () => {
  const [root, parent] = [ref(at(BOB, 'post', 'r')), ref(QUOTED)]
  const [row] = tablesOf({ reply: { root, parent } })['post'] ?? []
  assert.deepEqual(
    [row?.['replyRoot'], row?.['replyRootCid'], row?.['replyParent'], row?.['replyParentCid']],
    [root.uri, root.cid, parent.uri, parent.cid],
  )
})

test('images keep their order and what they say to those who cannot see them', () => {
  assert.deepEqual(embedOf(IMAGES), { post_embed_image: IMAGE_ROWS })
})

test('an image in the form of 2022 is an image', () => {
  const old = { cid: cidOf('old'), mimeType: 'image/jpeg' }
  const { post_embed_image } = embedOf({ $type: 'app.bsky.embed.images', images: [{ image: old, alt: '' }] })
  assert.equal(post_embed_image?.[0]?.['imageCid'], cidOf('old'))
})

test('a link keeps its picture, when it has one', () => {
  assert.deepEqual(embedOf(EXTERNAL), { post_embed_external: EXTERNAL_ROWS })
  const { thumb: _thumb, ...bare } = EXTERNAL.external
  const { post_embed_external } = embedOf({ ...EXTERNAL, external: bare })
  assert.equal(post_embed_external?.[0]?.['thumbCid'], null)
})

test('a video is kept, with or without its text', () => {
  assert.deepEqual(embedOf(VIDEO), { post_embed_video: VIDEO_ROWS })
  const { alt: _alt, ...bare } = VIDEO
  assert.equal(embedOf(bare)['post_embed_video']?.[0]?.['alt'], null)
})

test('a post that embeds a post quotes it', () => {
  assert.deepEqual(embedOf(RECORD), { post_embed_record: RECORD_ROWS, quote: QUOTE_ROWS })
})

for (const collection of ['list', 'generator', 'starterpack', 'labeler']) {
  test(`a post that embeds a record of ${collection} quotes nobody`, () => {
    const record = ref(at(BOB, collection, 'x'))
    assert.deepEqual(Object.keys(embedOf({ $type: 'app.bsky.embed.record', record })), ['post_embed_record'])
  })
}

const MEDIA = [
  ['images', IMAGES, 'post_embed_image', IMAGE_ROWS],
  ['a link', EXTERNAL, 'post_embed_external', EXTERNAL_ROWS],
  ['a video', VIDEO, 'post_embed_video', VIDEO_ROWS],
] as const

for (const [name, media, table, rows] of MEDIA) {
  test(`a quote with ${name} is both`, () => {
    const embed = { $type: 'app.bsky.embed.recordWithMedia', record: { record: ref(QUOTED) }, media }
    assert.deepEqual(embedOf(embed), { [table]: rows, post_embed_record: RECORD_ROWS, quote: QUOTE_ROWS })
  })
}

test('embeds of a kind that is not known yet are passed over, and the post is kept', () => {
  assert.deepEqual(embedOf({ $type: 'app.bsky.embed.hologram', anything: 1 }), {})
  const media = { $type: 'app.bsky.embed.hologram' }
  const embed = { $type: 'app.bsky.embed.recordWithMedia', record: { record: ref(QUOTED) }, media }
  assert.deepEqual(Object.keys(embedOf(embed)), ['post_embed_record', 'quote'])
})

test('pictures of a gallery keep their places; items of an unknown kind leave theirs empty', () => {
  const item = (name: string) => ({
    $type: 'app.bsky.embed.gallery#image',
    image: blob(name),
    alt: name,
    aspectRatio: { width: 1, height: 1 },
  })
  const items = [item('one'), { $type: 'app.bsky.embed.gallery#hologram' }, item('three')]
  assert.deepEqual(embedOf({ $type: 'app.bsky.embed.gallery', items })['post_embed_gallery_image'], [
    { postUri: URI, position: '0', imageCid: cidOf('one'), alt: 'one' },
    { postUri: URI, position: '2', imageCid: cidOf('three'), alt: 'three' },
  ])
})

test('fields that nobody knows do no harm, whatever their names', () => {
  const record = JSON.parse(
    JSON.stringify({ ...BASE, future: { x: 1 } }).replace(
      '"future"',
      '"__proto__":{"text":"no"},"constructor"',
    ),
  ) as JsonObject
  assert.ok(post.isValid(record))
  const put = { uri: URI, did: ALICE, rkey: 'p', cid: cidOf('p'), record, indexedAt: timeOf(2) }
  assert.equal((post.row?.(put) as Row)['text'], 'hello')
})
