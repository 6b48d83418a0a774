import { AppBskyGraphReferencelistoptout } from '@atcute/bluesky'
import { parseAtUri } from '../../atproto/syntax.ts'
import { defineCollection } from '../collection.ts'
import { datetimeOrEpoch } from '../time.ts'

const isListUri = (text: string): boolean => {
  const uri = parseAtUri(text)
  return uri !== null && uri.collection === 'app.bsky.graph.list'
}

export const referenceListOptOut = defineCollection(AppBskyGraphReferencelistoptout.mainSchema, {
  nsid: 'app.bsky.graph.referencelistoptout',
  table: 'reference_list_opt_out',
  duplicateKey: ['creator', 'subjectUri'],
  row: ({ uri, cid, did, record, indexedAt }) =>
    !isListUri(record.subject)
      ? null
      : {
          uri,
          cid,
          creator: did,
          subjectUri: record.subject,
          createdAt: datetimeOrEpoch(record.createdAt),
          indexedAt,
        },
})
