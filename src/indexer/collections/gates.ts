import { AppBskyFeedPostgate, AppBskyFeedThreadgate } from '@atcute/bluesky'
import { defineCollection, recordUri, type Put, type Row } from '../collection.ts'
import type { RowRefusal } from '../drop-reasons.ts'
import { datetimeOrEpoch } from '../time.ts'

type Gate = { readonly post: string; readonly createdAt: string }

/** A gate stands beside its post: same repo, same record key. */
const gateRow = ({ uri, cid, did, rkey, record, indexedAt }: Put<Gate>): Row | RowRefusal =>
  record.post !== recordUri(did, 'app.bsky.feed.post', rkey)
    ? 'foreign_gate'
    : {
        uri,
        cid,
        creator: did,
        postUri: record.post,
        createdAt: datetimeOrEpoch(record.createdAt),
        indexedAt,
      }

export const threadGate = defineCollection(AppBskyFeedThreadgate.mainSchema, {
  nsid: 'app.bsky.feed.threadgate',
  table: 'thread_gate',
  past: 'gate',
  row: gateRow,
})

export const postGate = defineCollection(AppBskyFeedPostgate.mainSchema, {
  nsid: 'app.bsky.feed.postgate',
  table: 'post_gate',
  past: 'gate',
  row: gateRow,
})
