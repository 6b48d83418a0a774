/** Which records are written how often: about 88 % likes, follows, reposts and blocks, as in the real network. */
import { profile } from './actor.ts'
import type { Builder } from './draft.ts'
import { block, follow, like, repost } from './graph.ts'
import { post } from './post.ts'
import type { Random } from '../random.ts'

export type Weighted = { readonly build: Builder; readonly weight: number }

export const KINDS: readonly Weighted[] = [
  { build: like, weight: 52 },
  { build: follow, weight: 15 },
  { build: repost, weight: 13 },
  { build: block, weight: 8 },
  { build: post, weight: 9 },
  { build: profile, weight: 0.5 },
]

const TOTAL = KINDS.reduce((sum, { weight }) => sum + weight, 0)

export const drawKind = (random: Random): Builder => {
  let rest = random.next() * TOTAL
  for (const { build, weight } of KINDS) {
    rest -= weight
    if (rest < 0) return build
  }
  return post
}
