/** The registry: every collection the indexer knows. A new one is one file and one line here. */
import type { Collection } from '../collection.ts'
import { block } from './block.ts'
import { feedGenerator } from './feed-generator.ts'
import { follow } from './follow.ts'
import { postGate, threadGate } from './gates.ts'
import { labeler } from './labeler.ts'
import { like } from './like.ts'
import { list } from './list.ts'
import { listBlock } from './list-block.ts'
import { listItem } from './list-item.ts'
import { post } from './post.ts'
import { profile } from './profile.ts'
import { recordOnly } from './record-only.ts'
import { referenceListOptOut } from './reference-list-opt-out.ts'
import { repost } from './repost.ts'
import { starterPack } from './starter-pack.ts'
import { verification } from './verification.ts'

export const COLLECTIONS: readonly Collection[] = [
  post,
  like,
  repost,
  follow,
  block,
  profile,
  list,
  listItem,
  listBlock,
  starterPack,
  feedGenerator,
  threadGate,
  postGate,
  verification,
  labeler,
  referenceListOptOut,
  ...recordOnly,
]

export const collectionByNsid: ReadonlyMap<string, Collection> = new Map(
  COLLECTIONS.map((collection) => [collection.nsid, collection]),
)

/** Those by whose past versions other records are judged. */
export const PAST_COLLECTIONS: readonly string[] = COLLECTIONS.flatMap(({ nsid, past }) =>
  past ? [nsid] : [],
)
