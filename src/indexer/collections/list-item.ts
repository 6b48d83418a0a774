import { AppBskyGraphListitem } from '@atcute/bluesky'
import { defineCollection, uriDid } from '../collection.ts'
import { datetimeOrEpoch } from '../time.ts'

export const listItem = defineCollection(AppBskyGraphListitem.mainSchema, {
  nsid: 'app.bsky.graph.listitem',
  table: 'list_item',
  duplicateKey: ['listUri', 'subjectDid'],
  past: 'link',
  link: (_did, { list, subject }) => [list, subject],
  row: ({ uri, cid, did, record, indexedAt }) =>
    uriDid(record.list) !== did
      ? 'foreign_list'
      : {
          uri,
          cid,
          creator: did,
          subjectDid: record.subject,
          listUri: record.list,
          createdAt: datetimeOrEpoch(record.createdAt),
          indexedAt,
        },
})
