/** What happens in the network, event by event: mostly new records, and now and then everything else that can happen. */
import { like } from './content/graph.ts'
import { drawKind } from './content/kinds.ts'
import type { World } from './world.ts'

type Happening = (world: World) => void

const createOne: Happening = (world) => {
  const account = world.author()
  world.commit(account, [world.change(account, world.draft(account, drawKind(world.random)))])
}

const deleteOne: Happening = (world) => {
  const account = world.author()
  const collection = world.random.pick([
    'app.bsky.feed.like',
    'app.bsky.graph.follow',
    'app.bsky.feed.post',
    'app.bsky.feed.repost',
  ])
  const rkey = account.remembered(collection)[0]
  if (rkey === undefined) return createOne(world)
  world.commit(account, [
    { write: { action: 'delete', path: `${collection}/${rkey}` }, blobs: [], root: null },
  ])
}

const likeTwice: Happening = (world) => {
  const account = world.author()
  const draft = world.draft(account, like)
  world.commit(account, [world.change(account, draft)])
  world.commit(account, [world.change(account, draft)])
}

const HAPPENINGS: readonly (readonly [Happening, number])[] = [
  [createOne, 94],
  [deleteOne, 5],
  [likeTwice, 1],
]
const TOTAL = HAPPENINGS.reduce((sum, [, weight]) => sum + weight, 0)

/** Lets one thing happen: at least one event. */
export const step: Happening = (world) => {
  let rest = world.random.next() * TOTAL
  for (const [happening, weight] of HAPPENINGS) {
    rest -= weight
    if (rest < 0) return happening(world)
  }
  return createOne(world)
}
