/** Which posts and subjects a batch touches whose standing depends on more than one record. Pure. */
import { siblingUri, uriCollection } from './collection.ts'
import { quotedPost, type PostRecord } from './collections/post.ts'
import type { Change, PlannedPut } from './plan.ts'

/** What of a batch other records may depend on. */
export type Affected = {
  /** Posts of the batch, in their present version. */
  readonly posts: ReadonlyMap<string, PlannedPut>
  readonly deletedPosts: readonly string[]
  /** Posts whose thread gate or post gate came or went. */
  readonly gatedPosts: readonly string[]
  /** Posts that records of the batch repost or quote. */
  readonly subjects: readonly string[]
}

export const affectedBy = (changes: readonly Change[]): Affected => {
  const of = (nsid: string) => changes.filter(({ collection }) => collection.nsid === nsid)
  const posts = of('app.bsky.feed.post')
  const puts = posts.flatMap(({ put }) => (put ? [put] : []))
  const gates = [...of('app.bsky.feed.threadgate'), ...of('app.bsky.feed.postgate')]
  const reposted = of('app.bsky.feed.repost').flatMap(({ put }) =>
    put?.row ? [put.row['subject'] as string] : [],
  )
  const quoted = puts.flatMap(({ record }) => quotedPost(record as unknown as PostRecord)?.uri ?? [])
  return {
    posts: new Map(puts.map((put) => [put.uri, put])),
    deletedPosts: posts.filter(({ put }) => put === null).map(({ uri }) => uri),
    gatedPosts: gates.map(({ uri }) => siblingUri(uri, 'app.bsky.feed.post')),
    subjects: [...new Set([...reposted, ...quoted])].filter(
      (uri) => uriCollection(uri) === 'app.bsky.feed.post',
    ),
  }
}

export const isNothing = ({ posts, deletedPosts, gatedPosts, subjects }: Affected): boolean =>
  posts.size + deletedPosts.length + gatedPosts.length + subjects.length === 0
