/** Posts: text with facets, replies in threads, every kind of embed, languages, tags, self labels. */
import { recent, strongRef, timestamp, type Builder, type Draft, type PostRef, type Writer } from './draft.ts'
import { anyEmbed, embedBy, type Embedded, type Maker } from './embed.ts'
import { LANGS, sentence, TAGS } from './words.ts'

const utf8 = (text: string): number => Buffer.byteLength(text)

type Facet = { index: { byteStart: number; byteEnd: number }; features: object[] }

/** Appends a marked piece of text; offsets count UTF-8 bytes. */
const mark = (text: string, piece: string, feature: object): { text: string; facet: Facet } => {
  const before = `${text} `
  const index = { byteStart: utf8(before), byteEnd: utf8(before + piece) }
  return { text: before + piece, facet: { index, features: [feature] } }
}

const FACETS: readonly ((writer: Writer) => { piece: string; feature: object })[] = [
  (writer) => {
    const { did, handle } = writer.someone()
    return { piece: `@${handle}`, feature: { $type: 'app.bsky.richtext.facet#mention', did } }
  },
  (writer) => {
    const uri = `https://example.com/${writer.random.int(10_000)}`
    return { piece: uri.slice(8), feature: { $type: 'app.bsky.richtext.facet#link', uri } }
  },
  (writer) => {
    const tag = writer.random.pick(TAGS)
    return { piece: `#${tag}`, feature: { $type: 'app.bsky.richtext.facet#tag', tag } }
  },
]

const richText = (writer: Writer): { text: string; facets?: Facet[] } => {
  const { random } = writer
  let text = sentence(random, 3 + random.int(12))
  const facets: Facet[] = []
  while (random.chance(0.25) && facets.length < 3) {
    const { piece, feature } = random.pick(FACETS)(writer)
    const marked = mark(text, piece, feature)
    text = marked.text
    facets.push(marked.facet)
  }
  return facets.length === 0 ? { text } : { text, facets }
}

const replyTo = (parent: PostRef): object => ({
  reply: { root: strongRef(parent.root ?? parent), parent: strongRef(parent) },
})

const write = (writer: Writer, parent: PostRef | null, { blobs, ...fields }: Embedded): Draft => {
  const { random } = writer
  const record = {
    $type: 'app.bsky.feed.post',
    ...richText(writer),
    createdAt: timestamp(writer),
    ...(parent === null ? {} : replyTo(parent)),
    ...fields,
    ...(random.chance(0.8)
      ? { langs: random.chance(0.1) ? ['en', random.pick(LANGS)] : [random.pick(LANGS)] }
      : {}),
    ...(random.chance(0.05) ? { tags: [random.pick(TAGS)] } : {}),
    ...(random.chance(0.02) ? { labels: selfLabels('porn') } : {}),
  }
  return {
    collection: 'app.bsky.feed.post',
    record,
    blobs,
    root: parent === null ? null : (parent.root ?? parent),
  }
}

const selfLabels = (val: string): object => ({
  $type: 'com.atproto.label.defs#selfLabels',
  values: [{ val }],
})

/** The thread it answers, sometimes. */
const parentOf = (writer: Writer): PostRef | null =>
  writer.random.chance(0.35) ? recent(writer, writer.pools.posts) : null

export const post = (writer: Writer): Draft =>
  write(writer, parentOf(writer), writer.random.chance(0.35) ? anyEmbed(writer) : { blobs: [] })

export const postWith =
  (maker: Maker): Builder =>
  (writer) =>
    write(writer, parentOf(writer), embedBy(writer, maker))
