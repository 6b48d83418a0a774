import { AppBskyGraphStarterpack } from '@atcute/bluesky'
import { defineCollection } from '../collection.ts'
import { datetimeOrEpoch } from '../time.ts'

export const starterPack = defineCollection(AppBskyGraphStarterpack.mainSchema, {
  nsid: 'app.bsky.graph.starterpack',
  table: 'starter_pack',
  row: ({ uri, cid, did, record, indexedAt }) => ({
    uri,
    cid,
    creator: did,
    name: record.name,
    createdAt: datetimeOrEpoch(record.createdAt),
    indexedAt,
  }),
})
