/** Feed generators, and the gates with which authors say who may reply to or quote a post. */
import type { Digest } from '../block.ts'
import { blob, recent, timestamp, type Builder, type Writer } from './draft.ts'
import { sentence } from './words.ts'

export const generator: Builder = (writer) => {
  const { random } = writer
  const blobs: Digest[] = []
  const record = {
    $type: 'app.bsky.feed.generator',
    did: writer.account.did,
    displayName: sentence(random, 1).slice(0, 20),
    description: sentence(random, 8),
    ...(random.chance(0.6) ? { avatar: blob(writer, 'image/jpeg', blobs) } : {}),
    createdAt: timestamp(writer),
  }
  return { collection: 'app.bsky.feed.generator', rkey: `feed-${random.int(1_000_000)}`, record, blobs }
}

/** A gate has the record key of its post. */
const ownPost = ({ account, random }: Writer): { rkey: string; uri: string } | null => {
  const known = account.remembered('app.bsky.feed.post')
  if (known.length === 0) return null
  const rkey = random.pick(known)
  return { rkey, uri: `at://${account.did}/app.bsky.feed.post/${rkey}` }
}

const rule = (name: string): object => ({ $type: `app.bsky.feed.threadgate#${name}` })

const allowed = (writer: Writer): object => {
  const list = recent(writer, writer.pools.lists)
  const rules = [rule('mentionRule'), rule('followingRule'), rule('followerRule')]
  if (list !== null) rules.push({ ...rule('listRule'), list: list.uri })
  if (writer.random.chance(0.1)) return {}
  return { allow: writer.random.chance(0.2) ? [] : [writer.random.pick(rules)] }
}

export const threadgate: Builder = (writer) => {
  const post = ownPost(writer)
  if (post === null) return null
  const hidden = writer.random.chance(0.2) ? recent(writer, writer.pools.posts) : null
  const record = {
    $type: 'app.bsky.feed.threadgate',
    post: post.uri,
    ...allowed(writer),
    ...(hidden === null ? {} : { hiddenReplies: [hidden.uri] }),
    createdAt: timestamp(writer),
  }
  return { collection: 'app.bsky.feed.threadgate', rkey: post.rkey, record }
}

export const postgate: Builder = (writer) => {
  const post = ownPost(writer)
  if (post === null) return null
  const detached = writer.random.chance(0.3) ? recent(writer, writer.pools.posts) : null
  const record = {
    $type: 'app.bsky.feed.postgate',
    post: post.uri,
    ...(writer.random.chance(0.7)
      ? { embeddingRules: [{ $type: 'app.bsky.feed.postgate#disableRule' }] }
      : {}),
    ...(detached === null ? {} : { detachedEmbeddingUris: [detached.uri] }),
    createdAt: timestamp(writer),
  }
  return { collection: 'app.bsky.feed.postgate', rkey: post.rkey, record }
}
