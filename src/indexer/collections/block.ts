import { AppBskyGraphBlock } from '@atcute/bluesky'
import { defineCollection } from '../collection.ts'
import { datetimeOrEpoch } from '../time.ts'

export const block = defineCollection(AppBskyGraphBlock.mainSchema, {
  nsid: 'app.bsky.graph.block',
  table: 'actor_block',
  duplicateKey: ['creator', 'subjectDid'],
  row: ({ uri, cid, did, record, indexedAt }) => ({
    uri,
    cid,
    creator: did,
    subjectDid: record.subject,
    createdAt: datetimeOrEpoch(record.createdAt),
    indexedAt,
  }),
})
