/** Collections of which the AppView reads nothing but the record itself. */
import { AppBskyActorStatus, AppBskyNotificationDeclaration } from '@atcute/bluesky'
import { defineCollection } from '../collection.ts'

export const recordOnly = [
  defineCollection(AppBskyActorStatus.mainSchema, { nsid: 'app.bsky.actor.status' }),
  defineCollection(AppBskyNotificationDeclaration.mainSchema, { nsid: 'app.bsky.notification.declaration' }),
  // The reference does not check the first; of the second there is no published lexicon to check against.
  defineCollection(null, { nsid: 'chat.bsky.actor.declaration' }),
  defineCollection(null, { nsid: 'com.germnetwork.declaration' }),
]
