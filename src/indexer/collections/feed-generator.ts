import { AppBskyFeedGenerator } from '@atcute/bluesky'
import { defineCollection } from '../collection.ts'
import { datetimeOrEpoch } from '../time.ts'
import { blobCid } from './blob.ts'

export const feedGenerator = defineCollection(AppBskyFeedGenerator.mainSchema, {
  nsid: 'app.bsky.feed.generator',
  table: 'feed_generator',
  row: ({ uri, cid, did, record, indexedAt }) => ({
    uri,
    cid,
    creator: did,
    feedDid: record.did,
    displayName: record.displayName,
    description: record.description ?? null,
    descriptionFacets: record.descriptionFacets ? JSON.stringify(record.descriptionFacets) : null,
    avatarCid: blobCid(record.avatar),
    createdAt: datetimeOrEpoch(record.createdAt),
    indexedAt,
  }),
})
