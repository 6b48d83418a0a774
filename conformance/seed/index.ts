/** The whole history of the network, in order. */
import { hostsOf, type Network } from '../network.ts'
import type { Scene } from './account.ts'
import { gather, type Cast } from './cast.ts'
import { engage } from './engagement.ts'
import { gate } from './gates.ts'
import { weave } from './graph.ts'
import { label } from './labels.ts'
import { live } from './lifecycle.ts'
import { writePosts } from './posts.ts'

export const seed = async (
  network: Network,
  settle: Scene['settle'],
  say: (text: string) => void,
): Promise<Cast> => {
  const scene: Scene = { pds: hostsOf(network).pds, admin: network.pds.adminAuthHeaders(), settle }
  say('seeding: accounts and profiles')
  const cast = await gather(scene)
  say('seeding: posts')
  const posts = await writePosts(cast)
  say('seeding: likes, reposts, follows')
  await engage(cast, posts)
  say('seeding: lists, packs, feeds, declarations')
  const feeds = await network.createFeedGen({
    [cast.alice.uriOf('app.bsky.feed.generator', 'everything')]: () => ({
      encoding: 'application/json',
      body: { feed: [] },
    }),
  })
  const graph = await weave(cast, feeds.did)
  say('seeding: gates')
  await gate(cast, graph)
  say('seeding: labels')
  await label(network, cast, posts)
  say('seeding: what happens to accounts')
  await live(cast, posts)
  return cast
}
