/** Lists, starter packs, blocks, verifications, feeds. */
import { now, strong, type Ref } from './account.ts'
import type { Cast } from './cast.ts'
import { declare } from './declarations.ts'
import { picture } from './media.ts'

export type Graph = { readonly list: Ref; readonly modList: Ref; readonly pack: Ref }

const lists = async ({ alice, bob, carol, dan, eve, liam }: Cast) => {
  const list = await alice.create('app.bsky.graph.list', {
    purpose: 'app.bsky.graph.defs#curatelist',
    name: 'people',
    description: 'see https://example.com',
    descriptionFacets: [
      {
        index: { byteStart: 4, byteEnd: 23 },
        features: [{ $type: 'app.bsky.richtext.facet#link', uri: 'https://example.com' }],
      },
    ],
    avatar: await picture(alice, 'avatar of a list'),
  })
  const item = (subject: { did: string }, of: Ref) => ({ subject: subject.did, list: of.uri })
  for (const who of [bob, carol, dan]) await alice.create('app.bsky.graph.listitem', item(who, list))
  const doubled = await alice.create('app.bsky.graph.listitem', item(bob, list), { validate: false })
  await alice.delete(doubled)
  const removed = await alice.create('app.bsky.graph.listitem', item(eve, list))
  await alice.delete(removed)
  await bob.create('app.bsky.graph.listitem', item(eve, list), { validate: false })
  const modList = await carol.create('app.bsky.graph.list', {
    purpose: 'app.bsky.graph.defs#modlist',
    name: 'unwanted',
    labels: { $type: 'com.atproto.label.defs#selfLabels', values: [{ val: 'spam' }] },
  })
  await carol.create('app.bsky.graph.listitem', item(liam, modList))
  await bob.create('app.bsky.graph.listblock', { subject: modList.uri })
  const unblocked = await dan.create('app.bsky.graph.listblock', { subject: modList.uri })
  await dan.delete(unblocked)
  const reference = await alice.create('app.bsky.graph.list', {
    purpose: 'app.bsky.graph.defs#referencelist',
    name: 'of the pack',
  })
  for (const who of [bob, carol, eve]) await alice.create('app.bsky.graph.listitem', item(who, reference))
  const optOut = 'app.bsky.graph.referencelistoptout'
  await eve.create(optOut, { subject: reference.uri }, { validate: false })
  await bob.delete(await bob.create(optOut, { subject: reference.uri }, { validate: false }))
  const gone = await dan.create('app.bsky.graph.list', {
    purpose: 'app.bsky.graph.defs#curatelist',
    name: 'gone',
  })
  await dan.create('app.bsky.graph.listitem', item(alice, gone))
  await dan.delete(gone)
  await alice.put(list, { purpose: 'app.bsky.graph.defs#curatelist', name: 'people, edited' })
  return { list, modList, reference }
}

const packs = async ({ alice, dan, nora }: Cast, reference: Ref, feed: string) => {
  const pack = await alice.create('app.bsky.graph.starterpack', {
    name: 'start here',
    description: 'some people',
    list: reference.uri,
    feeds: [{ uri: feed }],
  })
  const gone = await dan.create('app.bsky.graph.starterpack', { name: 'gone', list: reference.uri })
  await dan.delete(gone)
  const joined = { displayName: 'Nora', joinedViaStarterPack: strong(pack) }
  const profile = await nora.create('app.bsky.actor.profile', joined, { rkey: 'self' })
  await nora.put(profile, { ...joined, displayName: 'Nora, edited' })
  return pack
}

const blocks = async ({ dan, kate, bob, iris, liam, mona }: Cast): Promise<void> => {
  await bob.create('app.bsky.graph.block', { subject: iris.did })
  await dan.create('app.bsky.graph.block', { subject: kate.did })
  await kate.create('app.bsky.graph.block', { subject: bob.did })
  const undone = await liam.create('app.bsky.graph.block', { subject: mona.did })
  await liam.delete(undone)
}

const verifications = async ({ alice, bob, carol, dan }: Cast): Promise<void> => {
  const of = (subject: Cast['bob'], displayName: string) => ({
    subject: subject.did,
    handle: subject.handle,
    displayName,
  })
  await alice.create('app.bsky.graph.verification', of(bob, 'Bob the second'))
  await alice.create('app.bsky.graph.verification', of(carol, 'wrong'))
  const undone = await alice.create('app.bsky.graph.verification', of(dan, 'DAN'))
  await alice.delete(undone)
}

/** `feedDid` answers for the feed. */
const feeds = async ({ alice, bob, dan }: Cast, feedDid: string): Promise<Ref> => {
  const feed = await alice.create(
    'app.bsky.feed.generator',
    {
      did: feedDid,
      displayName: 'a feed',
      description: 'of everything',
      avatar: await picture(alice, 'avatar of a feed'),
    },
    { rkey: 'everything' },
  )
  await bob.like(feed)
  const gone = await dan.create(
    'app.bsky.feed.generator',
    { did: feedDid, displayName: 'gone' },
    { rkey: 'gone' },
  )
  await dan.delete(gone)
  await alice.put(feed, { did: feedDid, displayName: 'a feed, edited', createdAt: now() })
  return feed
}

/** Posts that embed what is no post. */
const embeds = async ({ bob }: Cast, refs: readonly Ref[]): Promise<void> => {
  for (const ref of refs)
    await bob.post('look at this', { embed: { $type: 'app.bsky.embed.record', record: strong(ref) } })
}

export const weave = async (cast: Cast, feedDid: string): Promise<Graph> => {
  const feed = await feeds(cast, feedDid)
  const { list, modList, reference } = await lists(cast)
  const pack = await packs(cast, reference, feed.uri)
  await blocks(cast)
  await verifications(cast)
  await declare(cast)
  await embeds(cast, [feed, list, pack])
  return { list, modList, pack }
}
