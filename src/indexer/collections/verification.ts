/** Verifications. Whom they tell depends on who verified before, and is settled elsewhere (settle-verifications.ts). */
import { AppBskyGraphVerification } from '@atcute/bluesky'
import { defineCollection } from '../collection.ts'
import { datetimeOrEpoch } from '../time.ts'

export const verification = defineCollection(AppBskyGraphVerification.mainSchema, {
  nsid: 'app.bsky.graph.verification',
  table: 'verification',
  duplicateKey: ['subject', 'creator'],
  keepsNotifications: true,
  past: 'verification',
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
})
