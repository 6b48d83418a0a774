import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Collection } from './collection.ts'
import { AGGREGATE_COLUMNS, AGGREGATES, aggregatesOf } from './count-sources.ts'
import { like } from './collections/like.ts'

test('every count of the AppView that follows from records has rows that it counts, each column once', () => {
  const columns = Object.fromEntries(AGGREGATES.map(({ table, columns }) => [table, [...columns].sort()]))
  assert.deepEqual(columns, {
    post_agg: ['likeCount', 'quoteCount', 'replyCount', 'repostCount'],
    profile_agg: ['followersCount', 'followsCount', 'postsCount'],
  })
  assert.equal(new Set(AGGREGATE_COLUMNS).size, AGGREGATE_COLUMNS.length)
})

test('a column that two collections count has both as its sources, and what is not counted has none', () => {
  const other: Collection = { ...like, nsid: 'com.example.like', table: 'like_too' }
  const silent: Collection = { ...like, nsid: 'com.example.silent', counts: [] }
  const [aggregate, ...more] = aggregatesOf([like, other, silent])
  assert.deepEqual(more, [])
  assert.deepEqual(aggregate?.columns, ['likeCount'])
  assert.deepEqual(
    aggregate.sources.map(({ source, by }) => [source, by]),
    [
      ['like', 'subject'],
      ['like_too', 'subject'],
    ],
  )
})
