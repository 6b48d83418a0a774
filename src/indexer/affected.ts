/** Which posts and subjects a batch touches whose standing depends on more than one record. Pure. */
import { siblingUri, uriCollection } from './collection.ts'
import { quotedPost, type PostRecord } from './collections/post.ts'
import type { Change, PlannedPut } from './plan.ts'

/** Posts by what of them depends on more than one record. */
export type Standing = {
  /** `hasThreadGate`, `hasPostGate` */
  readonly marks: readonly string[]
  /** `invalidReplyRoot`, `violatesThreadGate` */
  readonly replies: readonly string[]
  /** `violatesEmbeddingRules` */
  readonly quotes: readonly string[]
  /** Their line in `op_thread_reply` */
  readonly threads: readonly string[]
}

export const NO_POSTS: Standing = { marks: [], replies: [], quotes: [], threads: [] }

export const postsOf = ({ marks, replies, quotes, threads }: Standing): readonly string[] => [
  ...new Set([...marks, ...replies, ...quotes, ...threads]),
]

/** What of a batch other records may depend on. */
export type Affected = {
  /** Posts of the batch, in their present version. */
  readonly posts: ReadonlyMap<string, PlannedPut>
  /** Posts that were deleted, or of which an earlier version came late. */
  readonly pastPosts: readonly string[]
  /** Posts whose thread gate or post gate came or went. */
  readonly gatedPosts: readonly string[]
  /** Posts that records of the batch repost or quote. */
  readonly subjects: readonly string[]
  readonly verifications: readonly string[]
  /** Posts that depend on something in the batch and have said so (`millrace.gate_question`). */
  readonly questioned: readonly string[]
  /** What was just made to stand otherwise: it, and what depends on it, is looked at once more. */
  readonly unsettled: Standing
  /** Posts that came before, or their gates: what followed from them may have been cut off on its way down the thread. */
  readonly redelivered: readonly string[]
}

export const NOTHING_AFFECTED: Affected = {
  posts: new Map(),
  pastPosts: [],
  gatedPosts: [],
  subjects: [],
  verifications: [],
  questioned: [],
  unsettled: NO_POSTS,
  redelivered: [],
}

/** `repeated`: what an earlier delivery applied; `past`: what was overtaken before that. */
export const affectedBy = (
  applied: readonly Change[],
  repeated: readonly Change[] = [],
  past: readonly Change[] = [],
): Affected => {
  const present = [...applied, ...repeated]
  const of = (changes: readonly Change[], nsid: string) =>
    changes.filter(({ collection }) => collection.nsid === nsid)
  const posts = of(present, 'app.bsky.feed.post')
  const puts = posts.flatMap(({ put }) => (put ? [put] : []))
  const all = [...present, ...past]
  const gatedBy = (changes: readonly Change[]) =>
    [...of(changes, 'app.bsky.feed.threadgate'), ...of(changes, 'app.bsky.feed.postgate')].map(({ uri }) =>
      siblingUri(uri, 'app.bsky.feed.post'),
    )
  const reposted = of(present, 'app.bsky.feed.repost').flatMap(({ put }) =>
    put?.row ? [put.row['subject'] as string] : [],
  )
  const quoted = puts.flatMap(({ record }) => quotedPost(record as unknown as PostRecord)?.uri ?? [])
  const gone = posts.filter(({ put }) => put === null)
  const pastPosts = [...gone, ...of(past, 'app.bsky.feed.post')].map(({ uri }) => uri)
  return {
    posts: new Map(puts.map((put) => [put.uri, put])),
    pastPosts: [...new Set(pastPosts)],
    gatedPosts: [...new Set(gatedBy(all))],
    subjects: [...new Set([...reposted, ...quoted])].filter(
      (uri) => uriCollection(uri) === 'app.bsky.feed.post',
    ),
    verifications: of(all, 'app.bsky.graph.verification').map(({ uri }) => uri),
    questioned: [],
    unsettled: NO_POSTS,
    redelivered: [...of(repeated, 'app.bsky.feed.post').map(({ uri }) => uri), ...gatedBy(repeated)],
  }
}

/** Nothing that `settle` would look at. */
export const isNothing = (affected: Affected): boolean => {
  const { posts, pastPosts, gatedPosts, subjects, questioned, unsettled } = affected
  const some = [pastPosts, gatedPosts, subjects, questioned, postsOf(unsettled)]
  return posts.size === 0 && some.every(({ length }) => length === 0)
}
