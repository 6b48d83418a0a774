/** What happens in the network, event by event: mostly new records, and now and then everything else that can happen. */
import { decode } from '@atcute/cbor'
import type { Account } from './account.ts'
import { follow, like } from './content/graph.ts'
import * as lifecycle from './lifecycle.ts'
import type { Later } from './lifecycle.ts'
import type { Change, World } from './world.ts'

type Happening = (world: World, later: Later) => void

const createOne: Happening = (world) => {
  const { account, draft } = world.next()
  world.commit(account, [world.change(account, draft)])
}

const createSeveral: Happening = (world) => {
  const account = world.author()
  const count = 2 + world.random.int(8)
  const changes = Array.from({ length: count }, () => world.change(account, world.draft(account, follow)))
  const paths = new Set(changes.map(({ write }) => write.path))
  if (paths.size === count) world.commit(account, changes)
}

const removal = (path: string): Change => ({ write: { action: 'delete', path }, blobs: [], root: null })

const DELETED = [
  'app.bsky.feed.like',
  'app.bsky.feed.like',
  'app.bsky.graph.follow',
  'app.bsky.feed.post',
  'app.bsky.feed.repost',
  'app.bsky.graph.block',
  'app.bsky.graph.listitem',
  'app.bsky.feed.threadgate',
  'app.bsky.actor.profile',
] as const

/** A path of the collection that the account holds. */
const held = (world: World, account: Account, collection: string): string | null => {
  const known = account.remembered(collection)
  return known.length === 0 ? null : `${collection}/${world.random.pick(known)}`
}

const deleteOne: Happening = (world, later) => {
  const account = world.author()
  const path = held(world, account, world.random.pick(DELETED))
  if (path === null) return createOne(world, later)
  world.commit(account, [removal(path)])
}

const recordAt = (account: Account, path: string): Record<string, unknown> =>
  decode(account.repo.find(path)?.block as Uint8Array) as Record<string, unknown>

const EDITED: Readonly<Record<string, (text: string) => Record<string, unknown>>> = {
  'app.bsky.actor.profile': (description) => ({ description }),
  'app.bsky.feed.post': (text) => ({ text, facets: [] }),
  'app.bsky.graph.list': (description) => ({ description }),
  'app.bsky.feed.generator': (description) => ({ description }),
  'app.bsky.graph.starterpack': (description) => ({ description }),
}

const updateOne: Happening = (world, later) => {
  const account = world.author()
  const collection = world.random.pick(Object.keys(EDITED))
  const path = held(world, account, collection)
  if (path === null) return createOne(world, later)
  const edit = EDITED[collection]?.(`edited ${world.random.int(1_000_000)}`)
  const record = { ...recordAt(account, path), ...edit }
  world.commit(account, [{ write: { action: 'update', path, record }, blobs: [], root: null }])
}

const likeTwice: Happening = (world) => {
  const account = world.author()
  const draft = world.draft(account, like)
  world.commit(account, [world.change(account, draft)])
  world.commit(account, [world.change(account, draft)])
}

/** Unlikes and likes the same post again. */
const relike: Happening = (world, later) => {
  const account = world.author()
  const path = held(world, account, 'app.bsky.feed.like')
  if (path === null) return createOne(world, later)
  const record = { ...recordAt(account, path), createdAt: new Date(world.nowMs).toISOString() }
  world.commit(account, [removal(path)])
  world.commit(account, [world.change(account, { collection: 'app.bsky.feed.like', record })])
}

/** Deletes a record and writes another under the same key. */
const recreate: Happening = (world, later) => {
  const account = world.author()
  const path = held(world, account, 'app.bsky.feed.post')
  if (path === null) return createOne(world, later)
  const record = { ...recordAt(account, path), text: `again ${world.random.int(1_000_000)}`, facets: [] }
  world.commit(account, [removal(path)])
  world.commit(account, [{ write: { action: 'create', path, record }, blobs: [], root: null }])
}

const HAPPENINGS: readonly (readonly [Happening, number])[] = [
  [createOne, 86],
  [createSeveral, 1],
  [deleteOne, 5],
  [updateOne, 3],
  [likeTwice, 1],
  [relike, 1],
  [recreate, 0.3],
  [lifecycle.changeHandle, 0.4],
  [lifecycle.touchIdentity, 0.2],
  [lifecycle.announceSync, 0.2],
  [lifecycle.birth, 0.3],
  [lifecycle.deactivate, 0.15],
  [lifecycle.takeDown, 0.05],
  [lifecycle.suspend, 0.05],
  [lifecycle.deleteAccount, 0.05],
  [lifecycle.migrate, 0.15],
]
const TOTAL = HAPPENINGS.reduce((sum, [, weight]) => sum + weight, 0)

const draw = (world: World): Happening => {
  let rest = world.random.next() * TOTAL
  for (const [happening, weight] of HAPPENINGS) {
    rest -= weight
    if (rest < 0) return happening
  }
  return createOne
}

/** One of each happening early on, so that a short run sees everything; what needs an account that was born later comes last. */
const EARLY_SHARE = 0.1

/** The function that lets the next thing happen: at least one event, unless nothing fits. */
export const createScript = (world: World): (() => void) => {
  const early = HAPPENINGS.map(([happening]) => happening).sort(
    (a, b) => Number(b === lifecycle.birth) - Number(a === lifecycle.birth),
  )
  const deferred: { at: number; happening: () => void }[] = []
  let steps = 0
  const later: Later = (inSteps, happening) => {
    deferred.push({ at: steps + inSteps, happening })
    deferred.sort((a, b) => a.at - b.at)
  }
  return () => {
    steps++
    while (deferred[0] !== undefined && deferred[0].at <= steps) deferred.shift()?.happening()
    const happening = early.length > 0 && world.random.chance(EARLY_SHARE) ? early.shift() : undefined
    ;(happening ?? draw(world))(world, later)
  }
}
