/** Records of other applications in the same repositories; the first namespace begins like one of ours and is not. */
import { timestamp, type Builder } from './draft.ts'
import { sentence } from './words.ts'

const COLLECTIONS = [
  'app.bskyish.feed.post',
  'app.bskyish.graph.follow',
  'sh.tangled.repo',
  'fyi.unravel.frontpage.post',
  'place.stream.chat.message',
]

const foreignIn =
  (collection: string): Builder =>
  (writer) => ({
    collection,
    record: { $type: collection, text: sentence(writer.random, 4), createdAt: timestamp(writer) },
  })

export const FOREIGN: readonly Builder[] = COLLECTIONS.map(foreignIn)
