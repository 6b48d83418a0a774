import { AppBskyGraphFollow } from '@atcute/bluesky'
import { defineCollection } from '../collection.ts'
import { datetimeOrEpoch, earlier } from '../time.ts'

export const follow = defineCollection(AppBskyGraphFollow.mainSchema, {
  nsid: 'app.bsky.graph.follow',
  table: 'follow',
  duplicateKey: ['creator', 'subjectDid'],
  counts: [
    { table: 'profile_agg', column: 'followersCount', by: 'subjectDid' },
    { table: 'profile_agg', column: 'followsCount', by: 'creator' },
  ],
  past: 'link',
  link: (did, { subject }) => [did, subject],
  row: ({ uri, cid, did, record, indexedAt }) => ({
    uri,
    cid,
    creator: did,
    subjectDid: record.subject,
    createdAt: datetimeOrEpoch(record.createdAt),
    indexedAt,
  }),
  notifies: (_row, { uri, cid, did, record, indexedAt }) => [
    {
      did: record.subject,
      author: did,
      recordUri: uri,
      recordCid: cid,
      reason: 'follow',
      reasonSubject: null,
      sortAt: earlier(indexedAt, datetimeOrEpoch(record.createdAt)),
    },
  ],
})
