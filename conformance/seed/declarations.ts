/** Records that stand alone: status and declarations, the labeler's own, and what no lexicon knows or allows. */
import type { Fields } from '../xrpc.ts'
import type { Account } from './account.ts'
import type { Cast } from './cast.ts'

const SELF = { rkey: 'self' } as const
/** What the PDS has no lexicon of, or must not hold against it. */
const UNTOLD = { ...SELF, validate: false } as const
const STATUS = 'app.bsky.actor.status'
const CHAT = 'chat.bsky.actor.declaration'
const NOTIFICATIONS = 'app.bsky.notification.declaration'
const GERM = 'com.germnetwork.declaration'

const status = (durationMinutes: number): Fields => ({
  status: 'app.bsky.actor.status#live',
  durationMinutes,
  embed: {
    $type: 'app.bsky.embed.external',
    external: { uri: 'https://example.com/live', title: 'live', description: 'now' },
  },
})
const chat = (allowIncoming: string): Fields => ({ allowIncoming, createdAt: undefined })
const notifications = (allowSubscriptions: string): Fields => ({ allowSubscriptions, createdAt: undefined })
const germ = (version: string): Fields => ({ version, currentKey: { $bytes: 'AAEC' } })

/** Made, changed, and taken back. */
const shortLived = async (account: Account, collection: string, versions: readonly [Fields, Fields]) => {
  const made = await account.create(collection, versions[0], UNTOLD)
  await account.put(made, versions[1], UNTOLD)
  await account.delete(made)
}

const standing = async ({ alice, bob, carol, dan }: Cast): Promise<void> => {
  await alice.create(STATUS, status(60), SELF)
  await alice.create(CHAT, chat('all'), SELF)
  await bob.create(CHAT, chat('nonsense'), UNTOLD)
  await bob.create(NOTIFICATIONS, notifications('followers'), SELF)
  await carol.create(GERM, germ('1.1.0'), UNTOLD)
  await shortLived(dan, STATUS, [status(10), status(20)])
  await shortLived(dan, CHAT, [chat('all'), chat('none')])
  await shortLived(dan, NOTIFICATIONS, [notifications('followers'), notifications('none')])
  await shortLived(dan, GERM, [germ('1.0.0'), germ('1.2.0')])
}

const labelers = async ({ carol, dan }: Cast): Promise<void> => {
  const labeler = 'app.bsky.labeler.service'
  const made = await carol.create(labeler, { policies: { labelValues: ['spam', 'rude'] } }, SELF)
  await carol.put(made, { policies: { labelValues: ['spam'] } })
  const gone = await dan.create(labeler, { policies: { labelValues: [] } }, SELF)
  await dan.delete(gone)
}

const unlawful = async ({ eve }: Cast): Promise<void> => {
  const records: readonly (readonly [collection: string, record: Fields])[] = [
    ['com.example.unknown', { anything: [1, 2, { deep: true }] }],
    ['app.bsky.feed.unknown', { anything: 1 }],
    ['app.bsky.feed.like', { subject: 'not a reference' }],
    ['app.bsky.graph.follow', { subject: 'nobody' }],
    ['app.bsky.feed.post', { text: 5 }],
  ]
  for (const [collection, record] of records) await eve.create(collection, record, { validate: false })
}

export const declare = async (cast: Cast): Promise<void> => {
  await standing(cast)
  await labelers(cast)
  await unlawful(cast)
}
