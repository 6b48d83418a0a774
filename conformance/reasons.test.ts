import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Difference, Row, Tables } from '../test/conformance/tables.ts'
import { ROW } from '../test/conformance/tables.ts'
import type { Asked } from './answers.ts'
import { judgeAnswer, reasonsOf, unexplained } from './reasons.ts'

const POST = 'at://did:plc:a/app.bsky.feed.post/1'
const GONE = 'at://did:plc:gone/app.bsky.feed.post/2'
const ME = 'did:plc:me'

const asked = (nsid: string, ours: unknown, theirs: unknown): Asked => ({
  viewer: { name: 'me', did: ME, headers: async () => ({}) },
  question: { nsid, query: {} },
  ours: { status: 200, body: ours },
  theirs: { status: 200, body: theirs },
})

const onlyTheirs = (table: string, theirs: Row): Difference => ({
  table,
  ours: null,
  theirs,
  columns: [ROW],
})
const reasons = (explained: readonly Difference[], ours: Tables = {}, theirs: Tables = {}) =>
  reasonsOf(explained, ours, theirs)
const item = (uri: string) => ({ post: { uri } })

test('an item whose row is there on one side for a reason may be missing, and no other', () => {
  const found = reasons([onlyTheirs('feed_item', { uri: GONE })])
  const timeline = 'app.bsky.feed.getTimeline'
  const ours = { feed: [item(POST)] }
  assert.equal(judgeAnswer(asked(timeline, ours, { feed: [item(POST)] }), found), 'equal')
  assert.equal(judgeAnswer(asked(timeline, ours, { feed: [item(GONE), item(POST)] }), found), 'explained')
  assert.equal(judgeAnswer(asked(timeline, { feed: [] }, { feed: [item(POST)] }), found), 'different')
})

test('a row explains items of its own kind of answer only', () => {
  const found = reasons([onlyTheirs('feed_item', { uri: GONE })])
  const theirs = { posts: [{ uri: GONE }] }
  assert.equal(judgeAnswer(asked('app.bsky.feed.getQuotes', { posts: [] }, theirs), found), 'different')
})

test('a figure may differ in the views of its own row, and no other figure', () => {
  const row = { uri: POST, likeCount: 1 }
  const found = reasons([
    { table: 'post_agg', ours: row, theirs: { ...row, likeCount: 2 }, columns: ['likeCount'] },
  ])
  const posts = (uri: string, likeCount: number, replyCount = 0) => ({
    posts: [{ uri, likeCount, replyCount }],
  })
  const judge = (ours: unknown, theirs: unknown) =>
    judgeAnswer(asked('app.bsky.feed.getPosts', ours, theirs), found)
  assert.equal(judge(posts(POST, 1), posts(POST, 2)), 'explained')
  assert.equal(judge(posts(POST, 1, 1), posts(POST, 2, 0)), 'different')
  assert.equal(judge(posts(GONE, 1), posts(GONE, 2)), 'different')
})

test('the number of unread notifications must be that of the rows on each side', () => {
  const record = 'at://did:plc:a/app.bsky.feed.like/1'
  const notification = [{ did: ME, recordUri: record, reason: 'like' }]
  const found = reasons([], { notification, record: [{ uri: record }] }, { notification, record: [] })
  const judge = (ours: number, theirs: number) =>
    judgeAnswer(asked('app.bsky.notification.getUnreadCount', { count: ours }, { count: theirs }), found)
  assert.equal(judge(1, 0), 'explained')
  assert.equal(judge(2, 0), 'different')
})

test('what differs without a reason is told by its place, past what has one', () => {
  const found = reasons([onlyTheirs('feed_item', { uri: GONE })])
  const [ours, theirs] = [
    { feed: [{ ...item(POST), text: 'a' }] },
    { feed: [item(GONE), { ...item(POST), text: 'b' }] },
  ]
  assert.equal(
    unexplained(asked('app.bsky.feed.getTimeline', ours, theirs), found),
    '.body.feed.0.text: ours "a", theirs "b"',
  )
})
