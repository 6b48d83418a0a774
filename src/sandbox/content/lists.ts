/** Lists and what hangs on them: items, blocks of lists, starter packs. */
import type { Digest } from '../block.ts'
import { blob, recent, timestamp, type Builder } from './draft.ts'
import { sentence, title } from './words.ts'

const PURPOSES = ['curatelist', 'modlist', 'referencelist'] as const

const own = (collection: string): ((writer: Parameters<Builder>[0]) => string | null) => {
  return ({ account, random }) => {
    const known = account.remembered(collection)
    return known.length === 0 ? null : `at://${account.did}/${collection}/${random.pick(known)}`
  }
}

const ownList = own('app.bsky.graph.list')

export const list: Builder = (writer) => {
  const { random } = writer
  const blobs: Digest[] = []
  const record = {
    $type: 'app.bsky.graph.list',
    purpose: `app.bsky.graph.defs#${random.pick(PURPOSES)}`,
    name: title(random),
    ...(random.chance(0.7) ? { description: sentence(random, 6) } : {}),
    ...(random.chance(0.4) ? { avatar: blob(writer, 'image/png', blobs) } : {}),
    createdAt: timestamp(writer),
  }
  return { collection: 'app.bsky.graph.list', record, blobs }
}

export const listitem: Builder = (writer) => {
  const uri = ownList(writer)
  const subject = writer.someone().did
  const collection = 'app.bsky.graph.listitem'
  return uri === null
    ? null
    : { collection, record: { $type: collection, subject, list: uri, createdAt: timestamp(writer) } }
}

export const listblock: Builder = (writer) => {
  const subject = recent(writer, writer.pools.lists)
  const collection = 'app.bsky.graph.listblock'
  return subject === null
    ? null
    : { collection, record: { $type: collection, subject: subject.uri, createdAt: timestamp(writer) } }
}

export const starterpack: Builder = (writer) => {
  const uri = ownList(writer)
  if (uri === null) return null
  const feed = writer.random.chance(0.5) ? recent(writer, writer.pools.generators) : null
  const record = {
    $type: 'app.bsky.graph.starterpack',
    name: title(writer.random),
    description: sentence(writer.random, 5),
    list: uri,
    ...(feed === null ? {} : { feeds: [{ uri: feed.uri }] }),
    createdAt: timestamp(writer),
  }
  return { collection: 'app.bsky.graph.starterpack', record }
}
