import { AppBskyGraphListblock } from '@atcute/bluesky'
import { defineCollection } from '../collection.ts'
import { datetimeOrEpoch } from '../time.ts'

export const listBlock = defineCollection(AppBskyGraphListblock.mainSchema, {
  nsid: 'app.bsky.graph.listblock',
  table: 'list_block',
  duplicateKey: ['creator', 'subjectUri'],
  row: ({ uri, cid, did, record, indexedAt }) => ({
    uri,
    cid,
    creator: did,
    subjectUri: record.subject,
    createdAt: datetimeOrEpoch(record.createdAt),
    indexedAt,
  }),
})
