/** Which records are written how often: about 88 % likes, follows, reposts and blocks, as in the real network. */
import type { Random } from '../random.ts'
import {
  chatDeclaration,
  labelerService,
  notificationDeclaration,
  profile,
  status,
  verification,
} from './actor.ts'
import type { Builder } from './draft.ts'
import { EMBEDS } from './embed.ts'
import { generator, postgate, threadgate } from './feeds.ts'
import { FOREIGN } from './foreign.ts'
import { block, follow, like, repost } from './graph.ts'
import { list, listblock, listitem, starterpack } from './lists.ts'
import { post, postWith } from './post.ts'

type Weighted = readonly [Builder, number]

const COMMON: readonly Weighted[] = [
  [like, 52],
  [follow, 15],
  [repost, 13],
  [block, 8],
  [post, 9],
]

const RARE: readonly Weighted[] = [
  [profile, 0.7],
  [listitem, 0.6],
  [list, 0.2],
  [threadgate, 0.25],
  [postgate, 0.15],
  [listblock, 0.1],
  [starterpack, 0.1],
  [generator, 0.1],
  [verification, 0.1],
  [status, 0.1],
  [chatDeclaration, 0.15],
  [notificationDeclaration, 0.1],
  [labelerService, 0.02],
  ...FOREIGN.map((build): Weighted => [build, 0.1]),
]

const KINDS = [...COMMON, ...RARE]
const TOTAL = KINDS.reduce((sum, [, weight]) => sum + weight, 0)

export const drawKind = (random: Random): Builder => {
  let rest = random.next() * TOTAL
  for (const [build, weight] of KINDS) {
    rest -= weight
    if (rest < 0) return build
  }
  return post
}

/** Every kind of record and every embed once, each after what it needs: so that small networks hold everything too. */
export const SHOWCASE: readonly Builder[] = [
  post,
  ...EMBEDS.map(postWith),
  profile,
  like,
  repost,
  follow,
  block,
  list,
  ...RARE.map(([build]) => build).filter((build) => build !== profile && build !== list),
]
