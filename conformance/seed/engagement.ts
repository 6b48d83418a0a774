/** Likes, reposts and follows: plain, by way of a repost, twice, and what becomes of the second when the first goes. */
import { strong } from './account.ts'
import type { Cast } from './cast.ts'
import type { Posts } from './posts.ts'

/** The PDS itself replaces a duplicate unless validation is off. */
const DUPLICATE = { validate: false } as const

const plain = async ({ alice, bob, carol, dan, eve, frank, gina, henry, kate }: Cast, posts: Posts) => {
  const [root, one] = posts.thread
  for (const who of [bob, carol, dan, eve, frank, gina, henry, kate, alice]) await who.like(posts.plain)
  for (const who of [bob, frank, gina, alice]) await who.repost(posts.plain)
  for (const who of [alice, dan, frank]) await who.like(root)
  await eve.repost(one)
  const repost = await bob.repost(posts.quote)
  const via = { via: strong(repost) }
  await carol.like(posts.quote, via)
  await dan.repost(posts.quote, via)
  await bob.like(posts.quote, via)
  const ofAlice = await carol.repost(posts.pictures)
  await eve.like(posts.pictures, { via: strong(ofAlice) })
  await eve.repost(posts.pictures, { via: strong(ofAlice) })
  const undone = await henry.like(posts.pictures)
  await henry.delete(undone)
  const unreposted = await henry.repost(posts.pictures)
  await henry.delete(unreposted)
  await henry.like({ uri: alice.uriOf('app.bsky.feed.post', '3kaaaaaaaac2a'), cid: posts.plain.cid })
}

/** Of three likes the first holds the row: it goes, one of the others goes, and nothing is left. */
const duplicates = async ({ alice, bob, carol, dan, eve }: Cast, { thread, quote }: Posts) => {
  const subject = thread[2]
  const likes = []
  for (const _ of [1, 2, 3]) likes.push(await alice.like(subject, {}, DUPLICATE))
  const [first, second, third] = likes
  if (!first || !second || !third) return
  await alice.delete(first)
  await alice.delete(third)
  const reposts = []
  for (const _ of [1, 2, 3]) reposts.push(await carol.repost(quote, {}, DUPLICATE))
  if (reposts[0]) await carol.delete(reposts[0])
  const held = await eve.like(thread[3])
  const doubled = await eve.like(thread[3], {}, DUPLICATE)
  await eve.delete(doubled)
  await eve.put(held, { subject: strong(thread[3]) })
  const follows = [await dan.follow(bob, DUPLICATE), await dan.follow(bob, DUPLICATE)]
  if (follows[0]) await dan.delete(follows[0])
  const moved = await bob.like(thread[0])
  await bob.put(moved, { subject: strong(thread[1]) }, DUPLICATE)
}

/** Many operations in one commit. */
const together = async ({ eve, alice, carol }: Cast, { plain, thread }: Posts) => {
  const create = (collection: string, value: object) => ({
    $type: 'com.atproto.repo.applyWrites#create',
    collection,
    value: { $type: collection, createdAt: new Date().toISOString(), ...value },
  })
  const writes = [
    create('app.bsky.feed.post', { text: 'many at once' }),
    create('app.bsky.feed.post', {
      text: 'a reply among them',
      reply: { root: strong(thread[0]), parent: strong(thread[1]) },
    }),
    create('app.bsky.feed.repost', { subject: strong(plain) }),
    create('app.bsky.graph.follow', { subject: carol.did }),
  ]
  await eve.call('com.atproto.repo.applyWrites', { repo: eve.did, writes })
  const gone = await eve.post('goes with the next')
  await eve.call('com.atproto.repo.applyWrites', {
    repo: eve.did,
    writes: [
      {
        $type: 'com.atproto.repo.applyWrites#delete',
        collection: 'app.bsky.feed.post',
        rkey: gone.uri.split('/')[4],
      },
      create('app.bsky.feed.post', { text: 'comes with it' }),
    ],
  })
  const unfollowed = await eve.follow(alice)
  await eve.delete(unfollowed)
}

export const engage = async (cast: Cast, posts: Posts): Promise<void> => {
  await plain(cast, posts)
  await duplicates(cast, posts)
  await together(cast, posts)
}
