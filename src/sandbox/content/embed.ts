/** Embeds of posts: images, external cards, records (quotes, lists, feeds, packs), video, and a record with media. */
import type { Digest } from '../block.ts'
import { blob, recent, strongRef, type Ref, type Writer } from './draft.ts'
import { LANGS, sentence, title } from './words.ts'

export type Maker = (writer: Writer, blobs: Digest[]) => object | null

const images: Maker = (writer, blobs) => ({
  $type: 'app.bsky.embed.images',
  images: Array.from({ length: 1 + writer.random.int(4) }, () => ({
    image: blob(writer, writer.random.pick(['image/jpeg', 'image/png']), blobs),
    alt: writer.random.chance(0.3) ? '' : sentence(writer.random, 4),
    ...(writer.random.chance(0.7) ? { aspectRatio: { width: 4, height: 3 } } : {}),
  })),
})

const external: Maker = (writer, blobs) => ({
  $type: 'app.bsky.embed.external',
  external: {
    uri: `https://example.com/article/${writer.random.int(100_000)}`,
    title: title(writer.random),
    description: sentence(writer.random, 8),
    ...(writer.random.chance(0.6) ? { thumb: blob(writer, 'image/jpeg', blobs) } : {}),
  },
})

const video: Maker = (writer, blobs) => ({
  $type: 'app.bsky.embed.video',
  video: blob(writer, 'video/mp4', blobs),
  ...(writer.random.chance(0.5) ? { alt: sentence(writer.random, 5) } : {}),
  ...(writer.random.chance(0.3)
    ? {
        captions: [
          { lang: writer.random.pick(LANGS), file: { ...blob(writer, 'text/vtt', blobs), size: 9_000 } },
        ],
      }
    : {}),
})

/** Mostly a quoted post; a list, feed, pack or labeler now and then. */
const quoted = (writer: Writer): Ref | null => {
  const { lists, generators, starterPacks, labelers, posts } = writer.pools
  const other = writer.random.chance(0.2)
    ? writer.random.pick([lists, generators, starterPacks, labelers])
    : []
  return recent(writer, other) ?? recent(writer, posts)
}

const record: Maker = (writer) => {
  const subject = quoted(writer)
  return subject === null ? null : { $type: 'app.bsky.embed.record', record: strongRef(subject) }
}

const recordWithMedia: Maker = (writer, blobs) => {
  const quote = record(writer, blobs)
  if (quote === null) return null
  const media = writer.random.pick([images, external, video])(writer, blobs)
  return { $type: 'app.bsky.embed.recordWithMedia', record: quote, media }
}

/** One of each. */
export const EMBEDS: readonly Maker[] = [images, external, record, video, recordWithMedia]
/** As often as they are used. */
const USUAL: readonly Maker[] = [...EMBEDS, images, images, external, record]

export type Embedded = { readonly embed?: object; readonly blobs: readonly Digest[] }

/** The fields an embed adds to a post, with the blobs it names. */
export const embedBy = (writer: Writer, maker: Maker): Embedded => {
  const blobs: Digest[] = []
  const embed = maker(writer, blobs)
  return embed === null ? { blobs } : { embed, blobs }
}

export const anyEmbed = (writer: Writer): Embedded => embedBy(writer, writer.random.pick(USUAL))
