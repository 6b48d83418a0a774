import { AppBskyLabelerService } from '@atcute/bluesky'
import { defineCollection } from '../collection.ts'
import { datetimeOrEpoch } from '../time.ts'

export const labeler = defineCollection(AppBskyLabelerService.mainSchema, {
  nsid: 'app.bsky.labeler.service',
  table: 'labeler',
  row: ({ uri, cid, did, rkey, record, indexedAt }) =>
    rkey !== 'self'
      ? null
      : { uri, cid, creator: did, createdAt: datetimeOrEpoch(record.createdAt), indexedAt },
})
