import { AppBskyGraphList } from '@atcute/bluesky'
import { defineCollection } from '../collection.ts'
import { datetimeOrEpoch } from '../time.ts'
import { blobCid } from './blob.ts'

export const list = defineCollection(AppBskyGraphList.mainSchema, {
  nsid: 'app.bsky.graph.list',
  table: 'list',
  row: ({ uri, cid, did, record, indexedAt }) => ({
    uri,
    cid,
    creator: did,
    name: record.name,
    purpose: record.purpose,
    description: record.description ?? null,
    descriptionFacets: record.descriptionFacets ? JSON.stringify(record.descriptionFacets) : null,
    avatarCid: blobCid(record.avatar),
    createdAt: datetimeOrEpoch(record.createdAt),
    indexedAt,
  }),
})
