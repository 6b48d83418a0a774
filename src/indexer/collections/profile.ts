import { AppBskyActorProfile } from '@atcute/bluesky'
import { defineCollection, uriDid } from '../collection.ts'
import { blobCid } from './blob.ts'

export const profile = defineCollection(AppBskyActorProfile.mainSchema, {
  nsid: 'app.bsky.actor.profile',
  table: 'profile',
  keepsNotifications: true,
  row: ({ uri, cid, did, rkey, record, indexedAt }) =>
    rkey !== 'self'
      ? null
      : {
          uri,
          cid,
          creator: did,
          displayName: record.displayName ?? null,
          description: record.description ?? null,
          avatarCid: blobCid(record.avatar),
          bannerCid: blobCid(record.banner),
          joinedViaStarterPackUri: record.joinedViaStarterPack?.uri ?? null,
          // The reference keeps this date as it was written.
          createdAt: record.createdAt ?? indexedAt,
          indexedAt,
        },
  notifies: (_row, { uri, cid, did, record, indexedAt }) =>
    record.joinedViaStarterPack
      ? [
          {
            did: uriDid(record.joinedViaStarterPack.uri),
            author: did,
            recordUri: uri,
            recordCid: cid,
            reason: 'starterpack-joined',
            reasonSubject: record.joinedViaStarterPack.uri,
            sortAt: indexedAt,
          },
        ]
      : [],
})
