/** Posts: every embed, facets, threads, dates of every shape, edits, deletes. */
import { strong, type Account, type Ref } from './account.ts'
import type { Cast } from './cast.ts'
import { film, picture } from './media.ts'

export type Posts = {
  readonly plain: Ref
  readonly pictures: Ref
  readonly quote: Ref
  /** The root of a thread, and its replies downwards. */
  readonly thread: readonly [Ref, Ref, Ref, Ref, ...Ref[]]
}

const LABELS = { $type: 'com.atproto.label.defs#selfLabels', values: [{ val: 'nudity' }] }

const mention = (text: string, of: string, did: string) => ({
  index: { byteStart: text.indexOf(of), byteEnd: text.indexOf(of) + of.length },
  features: [{ $type: 'app.bsky.richtext.facet#mention', did }],
})

const record = (of: Ref) => ({ $type: 'app.bsky.embed.record', record: strong(of) })
const images = async (account: Account, ...names: string[]) => ({
  $type: 'app.bsky.embed.images',
  images: await Promise.all(names.map(async (alt) => ({ image: await picture(account, alt), alt }))),
})
const external = async (account: Account, title: string, thumb: boolean) => ({
  $type: 'app.bsky.embed.external',
  external: {
    uri: `https://example.com/${title}`,
    title,
    description: `about ${title}`,
    ...(thumb && { thumb: await picture(account, `thumb of ${title}`) }),
  },
})
const video = async (account: Account, name: string, alt?: string) => ({
  $type: 'app.bsky.embed.video',
  video: await film(account, name),
  aspectRatio: { width: 16, height: 9 },
  ...(alt !== undefined && { alt }),
})
const gallery = async (account: Account, ...names: string[]) => ({
  $type: 'app.bsky.embed.gallery',
  items: await Promise.all(
    names.map(async (alt) => ({
      $type: 'app.bsky.embed.gallery#image',
      image: await picture(account, alt),
      alt,
      aspectRatio: { width: 1, height: 1 },
    })),
  ),
})
const withMedia = (of: Ref, media: unknown) => ({
  $type: 'app.bsky.embed.recordWithMedia',
  record: { record: strong(of) },
  media,
})

const embeds = async ({ alice, bob, carol, dan, eve }: Cast, plain: Ref) => {
  const pictures = await alice.post('two pictures', {
    embed: await images(alice, 'one', 'two'),
    labels: LABELS,
  })
  await bob.post('a link', { embed: await external(bob, 'link', false) })
  await bob.post('a link with a picture', { embed: await external(bob, 'pictured', true) })
  await carol.post('a film', { embed: await video(carol, 'film', 'what it shows') })
  await carol.post('a film without words', { embed: await video(carol, 'silent') })
  await dan.post('a gallery', { embed: await gallery(dan, 'g1', 'g2', 'g3') }, { validate: false })
  const quote = await bob.post('a quote', { embed: record(plain) })
  await carol.post('a quote with pictures', { embed: withMedia(plain, await images(carol, 'three')) })
  await dan.post('a quote with a link', { embed: withMedia(quote, await external(dan, 'quoted', true)) })
  await eve.post('a quote with a film', { embed: withMedia(pictures, await video(eve, 'quoted film')) })
  await eve.post(
    'a quote with a gallery',
    { embed: withMedia(plain, await gallery(eve, 'g4')) },
    { validate: false },
  )
  await alice.post('a quote of myself', { embed: record(plain) })
  await dan.post(
    'an embed nobody knows',
    { embed: { $type: 'com.example.embed', what: 1 } },
    { validate: false },
  )
  const missing = { uri: alice.uriOf('app.bsky.feed.post', '3kaaaaaaaaa2a'), cid: plain.cid }
  await dan.post('a quote of what was never there', { embed: record(missing) })
  return { pictures, quote }
}

const texts = async ({ alice, bob, carol, dan }: Cast): Promise<void> => {
  const text = 'hello bob, and bob again, #tag https://example.com'
  const facets = [
    mention(text, 'bob', bob.did),
    mention(text, 'bob again', bob.did),
    mention(text, 'hello', alice.did),
    {
      index: { byteStart: text.indexOf('#tag'), byteEnd: text.indexOf('#tag') + 4 },
      features: [{ $type: 'app.bsky.richtext.facet#tag', tag: 'tag' }],
    },
    {
      index: { byteStart: text.indexOf('https'), byteEnd: text.length },
      features: [{ $type: 'app.bsky.richtext.facet#link', uri: 'https://example.com' }],
    },
  ]
  await alice.post(text, { facets, langs: ['en', 'de'], tags: ['one', 'two'] })
  await carol.post('', { langs: [], tags: [] })
  await carol.post('\u00e4\u{1f600}\u200d "quotes" \\u0000 \\ \n\t end', { langs: ['ja'] })
  await dan.post('from the future', { createdAt: '2099-01-01T00:00:00.000Z' })
  await dan.post('from the past', { createdAt: '1999-12-31T23:59:59.999Z' })
  await dan.post('another zone', { createdAt: '2024-05-06T07:08:09+02:00' })
  await dan.post('microseconds', { createdAt: '2024-05-06T07:08:09.123456Z' })
  await dan.post('no fraction', { createdAt: '2024-05-06T07:08:09Z' })
  await dan.post('not a time', { createdAt: '2024-01-02' }, { validate: false })
  await dan.post('x'.repeat(3_100), {}, { validate: false })
  await dan.post(
    'an extra field',
    {
      extra: { $bytes: 'AAEC' },
      link: { $link: 'bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a' },
    },
    { validate: false },
  )
}

/** Of four authors and six floors, with branches, the root's author answering below. */
const thread = async ({ alice, bob, carol, dan, eve, henry }: Cast): Promise<Posts['thread']> => {
  const root = await alice.post('the root')
  const one = await bob.reply('one', { root, parent: root })
  const two = await carol.reply('two', { root, parent: one })
  const three = await alice.reply('three, by the root', { root, parent: two })
  const four = await dan.reply('four', { root, parent: three })
  const five = await eve.reply('five', { root, parent: four })
  const six = await henry.reply('six', { root, parent: five })
  await bob.reply('seven', { root, parent: six })
  await alice.reply('my own second', { root, parent: root })
  await eve.reply('a branch', { root, parent: one })
  const other = await carol.post('another root')
  await dan.reply('a wrong root', { root: other, parent: two })
  await dan.reply('below a reply, as if it were the root', { root: one, parent: one })
  const missing = { uri: alice.uriOf('app.bsky.feed.post', '3kaaaaaaaab2a'), cid: root.cid }
  await dan.reply('below what was never there', { root: missing, parent: missing })
  return [root, one, two, three, four, five, six]
}

const edits = async ({ alice, bob, carol, dan, eve }: Cast): Promise<void> => {
  const edited = await alice.post('before', { embed: await images(alice, 'before') })
  await bob.like(edited)
  await carol.repost(edited)
  await dan.post('a quote of what is edited', { embed: record(edited) })
  const reply = await bob.reply('to what is edited', { root: edited, parent: edited })
  const text = 'after, with eve'
  await alice.put(edited, {
    text,
    facets: [mention(text, 'eve', eve.did)],
    embed: await external(alice, 'after', false),
  })
  await bob.put(reply, { text: 'an edited reply', reply: { root: strong(edited), parent: strong(edited) } })
  const own = await alice.reply('an own reply', { root: edited, parent: edited })
  await alice.put(own, {
    text: 'an own reply, edited',
    reply: { root: strong(edited), parent: strong(edited) },
  })
}

const deletes = async ({ alice, bob, carol, dan }: Cast): Promise<void> => {
  const root = await alice.post('a root that goes', { embed: await images(alice, 'going') })
  const parent = await bob.reply('a parent that goes', { root, parent: root })
  const leaf = await carol.reply('a leaf that stays', { root, parent })
  const own = await alice.reply('an own reply that goes', { root, parent: root })
  await dan.like(root)
  await dan.repost(root)
  const quote = await dan.post('a quote of what goes', { embed: record(root) })
  const going = await bob.post('a quote that goes', { embed: record(quote) })
  await bob.delete(going)
  await bob.delete(parent)
  await alice.delete(own)
  await alice.delete(root)
  await dan.reply('below what is gone', { root, parent: leaf })
  const back = await dan.post('first', {}, { rkey: '3kbbbbbbbbb2a' })
  await dan.delete(back)
  await dan.post('second, under the same key', {}, { rkey: '3kbbbbbbbbb2a' })
}

export const writePosts = async (cast: Cast): Promise<Posts> => {
  const plain = await cast.alice.post('a plain post')
  await texts(cast)
  const found = await embeds(cast, plain)
  const floors = await thread(cast)
  await edits(cast)
  await deletes(cast)
  return { plain, thread: floors, ...found }
}
