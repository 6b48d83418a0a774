import { AppBskyFeedRepost } from '@atcute/bluesky'
import { defineCollection } from '../collection.ts'
import { datetimeOrEpoch, earlier } from '../time.ts'
import { engagementNotifications, engagementRow } from './engagement.ts'

export const repost = defineCollection(AppBskyFeedRepost.mainSchema, {
  nsid: 'app.bsky.feed.repost',
  table: 'repost',
  duplicateKey: ['creator', 'subject'],
  counts: [{ table: 'post_agg', column: 'repostCount', by: 'subject' }],
  row: engagementRow,
  notifies: engagementNotifications('repost'),
  satellites: [
    {
      table: 'feed_item',
      owner: 'uri',
      rows: ({ uri, cid, did, record, indexedAt }) => [
        {
          uri,
          cid,
          type: 'repost',
          postUri: record.subject.uri,
          originatorDid: did,
          sortAt: earlier(indexedAt, datetimeOrEpoch(record.createdAt)),
        },
      ],
    },
  ],
})
