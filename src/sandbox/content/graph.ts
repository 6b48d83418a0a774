/** The short records that are most of a network: likes, reposts, follows, blocks. */
import { recent, strongRef, timestamp, type Builder, type Ref, type Writer } from './draft.ts'

/** How the author came to the post: through somebody's repost, now and then. */
const via = (writer: Writer): object => {
  const repost = writer.random.chance(0.08) ? recent(writer, writer.pools.reposts) : null
  return repost === null ? {} : { via: strongRef(repost) }
}

const subjectRecord = (collection: string, writer: Writer, subject: Ref) => ({
  collection,
  record: { $type: collection, subject: strongRef(subject), createdAt: timestamp(writer), ...via(writer) },
})

export const like: Builder = (writer) => {
  const feed = writer.random.chance(0.01) ? recent(writer, writer.pools.generators) : null
  const subject = feed ?? recent(writer, writer.pools.posts)
  return subject === null ? null : subjectRecord('app.bsky.feed.like', writer, subject)
}

export const repost: Builder = (writer) => {
  const subject = recent(writer, writer.pools.posts)
  return subject === null ? null : subjectRecord('app.bsky.feed.repost', writer, subject)
}

const personRecord = (collection: string, writer: Writer) => {
  const subject = writer.someone().did
  return subject === writer.account.did
    ? null
    : { collection, record: { $type: collection, subject, createdAt: timestamp(writer) } }
}

export const follow: Builder = (writer) => personRecord('app.bsky.graph.follow', writer)

export const block: Builder = (writer) => personRecord('app.bsky.graph.block', writer)
