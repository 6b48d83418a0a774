/** The registry: every collection the indexer knows. A new one is one file and one line here. */
import { defineCollection, uriCollection, type Collection } from '../collection.ts'
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

/**
 * What a record of any other collection is, where such are kept: itself, without a lexicon to check it against. One value for
 * them all: what costs a statement per collection costs it once, however many there are.
 */
export const UNKNOWN: Collection = defineCollection(null, { nsid: 'unknown' })

export const collectionOfUri = (uri: string): Collection =>
  collectionByNsid.get(uriCollection(uri)) ?? UNKNOWN

/** Those by whose past versions other records are judged. */
export const PAST_COLLECTIONS: readonly string[] = COLLECTIONS.flatMap(({ nsid, past }) =>
  past ? [nsid] : [],
)
