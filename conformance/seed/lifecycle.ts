/** What happens to accounts: handles change hands; some leave for a while, some for good; one is taken down. */
import { strong } from './account.ts'
import type { Cast } from './cast.ts'
import type { Posts } from './posts.ts'

const handles = async ({ iris, jack, alice }: Cast): Promise<void> => {
  await iris.post('before my new name')
  await iris.changeHandle('iris-the-second')
  await iris.post('after my new name')
  await jack.changeHandle('iris')
  await jack.like(await alice.post('a name can be taken over'))
}

/** Gina comes back, henry does not. */
const absences = async ({ gina, henry, alice, bob }: Cast): Promise<void> => {
  const post = await gina.post('before I go')
  await bob.like(post)
  await gina.deactivate()
  await bob.reply('are you there?', { root: post, parent: post })
  await gina.activate()
  await gina.post('back again')
  await henry.deactivate()
  await alice.follow(henry)
}

const takedowns = async ({ kate, liam, bob }: Cast): Promise<void> => {
  await kate.post('before they took me down')
  await kate.takeDown(true)
  await bob.follow(kate)
  await liam.post('before they took me down for a while')
  await liam.takeDown(true)
  await liam.takeDown(false)
  await liam.post('they let me back')
}

/** Frank leaves traces everywhere before he is deleted. */
const deletion = async (
  { frank, alice, bob, carol }: Cast,
  { plain, thread, quote }: Posts,
): Promise<void> => {
  const embed = { $type: 'app.bsky.embed.record', record: strong(quote) }
  const own = await frank.post('mine', { embed })
  await frank.reply('my own reply', { root: own, parent: own })
  await alice.reply('to frank', { root: own, parent: own })
  await bob.like(own)
  await carol.repost(own)
  await bob.post('of frank', { embed: { $type: 'app.bsky.embed.record', record: strong(own) } })
  await frank.reply('to alice', { root: thread[0], parent: thread[0] })
  await frank.repost(thread[1])
  const list = await frank.create('app.bsky.graph.list', {
    purpose: 'app.bsky.graph.defs#curatelist',
    name: 'of frank',
  })
  await frank.create('app.bsky.graph.listitem', { subject: alice.did, list: list.uri })
  await frank.create('app.bsky.graph.starterpack', { name: 'of frank', list: list.uri })
  await frank.create('app.bsky.graph.block', { subject: carol.did })
  await frank.create('app.bsky.graph.verification', {
    subject: bob.did,
    handle: bob.handle,
    displayName: 'Bob',
  })
  await frank.create(
    'app.bsky.feed.threadgate',
    { post: own.uri, allow: [] },
    { rkey: own.uri.split('/')[4] ?? '' },
  )
  await bob.like(plain, {}, { validate: false })
  await frank.remove()
  await carol.like(own)
}

export const live = async (cast: Cast, posts: Posts): Promise<void> => {
  await handles(cast)
  await absences(cast)
  await takedowns(cast)
  await deletion(cast, posts)
}
