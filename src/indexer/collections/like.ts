import { AppBskyFeedLike } from '@atcute/bluesky'
import { defineCollection } from '../collection.ts'
import { engagementNotifications, engagementRow } from './engagement.ts'

export const like = defineCollection(AppBskyFeedLike.mainSchema, {
  nsid: 'app.bsky.feed.like',
  table: 'like',
  duplicateKey: ['subject', 'creator'],
  counts: [{ table: 'post_agg', column: 'likeCount', by: 'subject' }],
  row: engagementRow,
  notifies: engagementNotifications('like'),
})
