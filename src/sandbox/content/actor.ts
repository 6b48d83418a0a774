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
