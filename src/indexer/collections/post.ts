/** Posts: the row, its embeds, its place in feeds, what it quotes. Threads and gates are settled elsewhere (settle.ts). */
import { AppBskyFeedPost } from '@atcute/bluesky'
import { defineCollection, uriCollection, type Put, type Row } from '../collection.ts'
import { datetimeOrEpoch, earlier } from '../time.ts'
import { blobCid } from './blob.ts'

export type PostRecord = AppBskyFeedPost.Main
type Embed = NonNullable<PostRecord['embed']>

/** The one or two embeds of a post, `recordWithMedia` taken apart; types the lexicon does not know stay opaque. */
const embeds = (embed: Embed | undefined): readonly Embed[] => {
  if (!embed) return []
  if (embed.$type !== 'app.bsky.embed.recordWithMedia') return [embed]
  return [{ ...embed.record, $type: 'app.bsky.embed.record' }, embed.media]
}

const rowsOf = (put: Put<PostRecord>, row: (embed: Embed) => readonly Row[]): readonly Row[] =>
  embeds(put.record.embed).flatMap(row)

const imageRows = ({ uri: postUri, record }: Put<PostRecord>, type: string): readonly Row[] =>
  embeds(record.embed).flatMap((embed) => {
    if (embed.$type !== type) return []
    const items = 'images' in embed ? embed.images : 'items' in embed ? embed.items : []
    return (items as readonly { image?: unknown; alt?: string }[]).flatMap((item, position) => {
      const imageCid = blobCid(item.image)
      // A gallery may hold items of a kind that is not known yet.
      return imageCid === null ? [] : [{ postUri, position: String(position), imageCid, alt: item.alt ?? '' }]
    })
  })

/** The record a post embeds, if any. */
export const embeddedRecord = (record: PostRecord): { uri: string; cid: string } | null => {
  const found = embeds(record.embed).find((embed) => embed.$type === 'app.bsky.embed.record')
  return found?.$type === 'app.bsky.embed.record' ? found.record : null
}

/** The post a post quotes, if any: an embedded record of another collection is no quote. */
export const quotedPost = (record: PostRecord): { uri: string; cid: string } | null => {
  const embedded = embeddedRecord(record)
  return embedded && uriCollection(embedded.uri) === 'app.bsky.feed.post' ? embedded : null
}

export const post = defineCollection(AppBskyFeedPost.mainSchema, {
  nsid: 'app.bsky.feed.post',
  table: 'post',
  past: 'post',
  counts: [
    { table: 'profile_agg', column: 'postsCount', by: 'creator' },
    { table: 'post_agg', column: 'replyCount', by: 'replyParent', unless: 'violatesThreadGate' },
  ],
  row: ({ uri, cid, did, record, indexedAt }) => ({
    uri,
    cid,
    creator: did,
    text: record.text,
    createdAt: datetimeOrEpoch(record.createdAt),
    replyRoot: record.reply?.root.uri ?? null,
    replyRootCid: record.reply?.root.cid ?? null,
    replyParent: record.reply?.parent.uri ?? null,
    replyParentCid: record.reply?.parent.cid ?? null,
    langs: record.langs?.length ? JSON.stringify(record.langs) : null,
    tags: record.tags?.length ? JSON.stringify(record.tags) : null,
    indexedAt,
  }),
  satellites: [
    {
      table: 'feed_item',
      owner: 'uri',
      rows: ({ uri, cid, did, record, indexedAt }) => [
        {
          uri,
          cid,
          type: 'post',
          postUri: uri,
          originatorDid: did,
          sortAt: earlier(indexedAt, datetimeOrEpoch(record.createdAt)),
        },
      ],
    },
    { table: 'post_embed_image', owner: 'postUri', rows: (put) => imageRows(put, 'app.bsky.embed.images') },
    {
      table: 'post_embed_gallery_image',
      owner: 'postUri',
      rows: (put) => imageRows(put, 'app.bsky.embed.gallery'),
    },
    {
      table: 'post_embed_external',
      owner: 'postUri',
      rows: (put) =>
        rowsOf(put, (embed) =>
          embed.$type !== 'app.bsky.embed.external'
            ? []
            : [
                {
                  postUri: put.uri,
                  uri: embed.external.uri,
                  title: embed.external.title,
                  description: embed.external.description,
                  thumbCid: blobCid(embed.external.thumb),
                },
              ],
        ),
    },
    {
      table: 'post_embed_video',
      owner: 'postUri',
      rows: (put) =>
        rowsOf(put, (embed) =>
          embed.$type !== 'app.bsky.embed.video'
            ? []
            : [{ postUri: put.uri, videoCid: blobCid(embed.video), alt: embed.alt ?? null }],
        ),
    },
    {
      table: 'post_embed_record',
      owner: 'postUri',
      rows: (put) => {
        const embedded = embeddedRecord(put.record)
        return embedded ? [{ postUri: put.uri, embedUri: embedded.uri, embedCid: embedded.cid }] : []
      },
    },
    {
      table: 'quote',
      owner: 'uri',
      counts: [{ table: 'post_agg', column: 'quoteCount', by: 'subject' }],
      rows: ({ uri, cid, record, indexedAt }) => {
        const quoted = quotedPost(record)
        if (!quoted) return []
        const createdAt = datetimeOrEpoch(record.createdAt)
        return [{ uri, cid, subject: quoted.uri, subjectCid: quoted.cid, createdAt, indexedAt }]
      },
    },
  ],
})
