/** What accounts say of themselves: profiles, statuses, declarations. Each has the one record key `self`. */
import type { Digest } from '../block.ts'
import { blob, recent, strongRef, timestamp, type Builder } from './draft.ts'
import { sentence, title } from './words.ts'

export const profile: Builder = (writer) => {
  const { random } = writer
  const blobs: Digest[] = []
  const pinned = random.chance(0.1) ? recent(writer, writer.pools.posts) : null
  const pack = random.chance(0.1) ? recent(writer, writer.pools.starterPacks) : null
  const record = {
    $type: 'app.bsky.actor.profile',
    displayName: title(random),
    ...(random.chance(0.8) ? { description: sentence(random, 10) } : {}),
    ...(random.chance(0.7) ? { avatar: blob(writer, 'image/jpeg', blobs) } : {}),
    ...(random.chance(0.3) ? { banner: blob(writer, 'image/png', blobs) } : {}),
    ...(pinned === null ? {} : { pinnedPost: strongRef(pinned) }),
    ...(pack === null ? {} : { joinedViaStarterPack: strongRef(pack) }),
    ...(random.chance(0.8) ? { createdAt: timestamp(writer) } : {}),
  }
  return { collection: 'app.bsky.actor.profile', rkey: 'self', record, blobs }
}

const selfRecord = (collection: string, fields: Record<string, unknown>) => ({
  collection,
  rkey: 'self',
  record: { $type: collection, ...fields },
})

export const status: Builder = (writer) =>
  selfRecord('app.bsky.actor.status', {
    status: 'app.bsky.actor.status#live',
    durationMinutes: 5 + writer.random.int(200),
    embed: {
      $type: 'app.bsky.embed.external',
      external: {
        uri: 'https://example.com/live',
        title: title(writer.random),
        description: sentence(writer.random, 4),
      },
    },
    createdAt: timestamp(writer),
  })

export const chatDeclaration: Builder = (writer) =>
  selfRecord('chat.bsky.actor.declaration', {
    allowIncoming: writer.random.pick(['all', 'following', 'none']),
  })

export const notificationDeclaration: Builder = (writer) =>
  selfRecord('app.bsky.notification.declaration', {
    allowSubscriptions: writer.random.pick(['followers', 'mutuals', 'none']),
  })

export const labelerService: Builder = (writer) =>
  selfRecord('app.bsky.labeler.service', {
    policies: { labelValues: ['spam', 'porn', '!hide', 'millrace-test'] },
    createdAt: timestamp(writer),
  })

export const verification: Builder = (writer) => {
  const subject = writer.someone()
  const collection = 'app.bsky.graph.verification'
  const { did, handle } = subject
  return {
    collection,
    record: {
      $type: collection,
      subject: did,
      handle,
      displayName: title(writer.random),
      createdAt: timestamp(writer),
    },
  }
}
