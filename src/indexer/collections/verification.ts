import { AppBskyGraphVerification } from '@atcute/bluesky'
import { defineCollection, type Notification, type Row } from '../collection.ts'
import { datetimeOrEpoch, earlier } from '../time.ts'

const notification = (row: Row, reason: 'verified' | 'unverified', sortAt: string): Notification => ({
  did: row['subject'] as string,
  author: row['creator'] as string,
  recordUri: row['uri'] as string,
  recordCid: row['cid'] as string,
  reason,
  reasonSubject: null,
  sortAt,
})

export const verification = defineCollection(AppBskyGraphVerification.mainSchema, {
  nsid: 'app.bsky.graph.verification',
  table: 'verification',
  duplicateKey: ['subject', 'creator'],
  keepsNotifications: true,
  row: ({ uri, cid, did, rkey, record, indexedAt }) => ({
    uri,
    cid,
    rkey,
    creator: did,
    subject: record.subject,
    handle: record.handle,
    displayName: record.displayName,
    createdAt: datetimeOrEpoch(record.createdAt),
    indexedAt,
  }),
  notifies: (row, { indexedAt }) => [
    notification(row, 'verified', earlier(indexedAt, row['createdAt'] as string)),
  ],
  notifiesRemoval: (row, at) => [notification(row, 'unverified', at)],
})
