/** What is asked of both AppViews, and where their answers differ. Knows no reason for a difference: see reasons.ts. */
import type { Tables } from '../test/conformance/tables.ts'
import { get, type Answer, type Headers, type Query } from './xrpc.ts'

export type Question = {
  readonly nsid: string
  readonly query: Query
  /** The field of the answer that goes on from page to page. */
  readonly list?: string
  /** The field that holds what was asked for, where it does not go on. */
  readonly holds?: string
  /** Answered to those who are signed in only. */
  readonly signedIn?: true
  /** Asked by the first two viewers only: what it shows the others see elsewhere. */
  readonly few?: true
}
export type Viewer = {
  readonly name: string
  /** Empty for who is not signed in. */
  readonly did: string
  readonly headers: (nsid: string) => Promise<Headers>
}
export type Asked = {
  readonly viewer: Viewer
  readonly question: Question
  readonly ours: Answer
  readonly theirs: Answer
}

const FILTERS = [
  'posts_with_replies',
  'posts_no_replies',
  'posts_with_media',
  'posts_and_author_threads',
  'posts_with_video',
]
const SEARCHES = ['alice', 'bob', 'ali', 'a', 'second', 'Nora', 'jack', 'zzz']

const ofActor = (actor: string): Question[] => [
  { nsid: 'app.bsky.actor.getProfile', query: { actor } },
  ...FILTERS.map((filter) => ({
    nsid: 'app.bsky.feed.getAuthorFeed',
    query: { actor, filter, includePins: 'true' },
    list: 'feed',
  })),
  { nsid: 'app.bsky.graph.getFollows', query: { actor }, list: 'follows' },
  { nsid: 'app.bsky.graph.getFollowers', query: { actor }, list: 'followers' },
  { nsid: 'app.bsky.graph.getKnownFollowers', query: { actor }, list: 'followers', signedIn: true },
  { nsid: 'app.bsky.graph.getLists', query: { actor }, list: 'lists', few: true },
  { nsid: 'app.bsky.graph.getActorStarterPacks', query: { actor }, list: 'starterPacks', few: true },
  { nsid: 'app.bsky.feed.getActorFeeds', query: { actor }, list: 'feeds', few: true },
]

const likesOf = (uri: string): Question => ({ nsid: 'app.bsky.feed.getLikes', query: { uri }, list: 'likes' })
const repostsOf = (uri: string): Question => ({
  nsid: 'app.bsky.feed.getRepostedBy',
  query: { uri },
  list: 'repostedBy',
})
const quotesOf = (uri: string): Question => ({
  nsid: 'app.bsky.feed.getQuotes',
  query: { uri },
  list: 'posts',
})
const threadOf = (uri: string): Question => ({
  nsid: 'app.bsky.feed.getPostThread',
  query: { uri, depth: 10 },
})
const few = (question: Question): Question => ({ ...question, few: true })

const deepThreadOf = (anchor: string): Question => ({
  nsid: 'app.bsky.unspecced.getPostThreadV2',
  query: { anchor, below: 10 },
  holds: 'thread',
})

const AT_MOST_POSTS = 25

const ofPosts = (uris: readonly string[]): Question[] =>
  Array.from({ length: Math.ceil(uris.length / AT_MOST_POSTS) }, (_, n) => ({
    nsid: 'app.bsky.feed.getPosts',
    query: { uris: uris.slice(n * AT_MOST_POSTS, (n + 1) * AT_MOST_POSTS) },
    holds: 'posts',
  }))

const OF_VIEWER: readonly Question[] = [
  { nsid: 'app.bsky.feed.getTimeline', query: {}, list: 'feed', signedIn: true },
  { nsid: 'app.bsky.notification.listNotifications', query: {}, list: 'notifications', signedIn: true },
  { nsid: 'app.bsky.notification.getUnreadCount', query: {}, signedIn: true },
  { nsid: 'app.bsky.graph.getBlocks', query: {}, list: 'blocks', signedIn: true },
  { nsid: 'app.bsky.graph.getListBlocks', query: {}, list: 'lists', signedIn: true },
]

/** What a column of either side holds, each value once. */
const valuesOf = (sides: readonly Tables[], table: string, column: string): string[] => {
  const values = sides.flatMap((tables) => (tables[table] ?? []).map((row) => row[column]))
  return [...new Set(values.filter((value) => typeof value === 'string'))].sort()
}

/** About everything that either side has. */
export const questions = (...sides: readonly Tables[]): Question[] => {
  const uris = (table: string, column = 'uri') => valuesOf(sides, table, column)
  // The line of aggregates outlives a deleted account.
  const dids = [...new Set([...uris('actor', 'did'), ...uris('profile_agg', 'did')])]
  const handles = uris('actor', 'handle').slice(0, 3)
  const posts = uris('post')
  const replied = uris('post', 'replyParent')
  return [
    ...OF_VIEWER,
    ...dids.flatMap(ofActor),
    ...handles.flatMap(ofActor).map(few),
    ...ofPosts(posts),
    ...replied.flatMap((uri) => [threadOf(uri), deepThreadOf(uri)]),
    ...posts.filter((uri) => !replied.includes(uri)).map((uri) => few(threadOf(uri))),
    ...uris('like', 'subject').map(likesOf),
    ...uris('repost', 'subject').map(repostsOf),
    ...uris('quote', 'subject').map(quotesOf),
    ...uris('post_agg').flatMap((uri) => [likesOf(uri), repostsOf(uri), quotesOf(uri)].map(few)),
    ...uris('list').flatMap((list) => [
      { nsid: 'app.bsky.graph.getList', query: { list }, list: 'items' },
      { nsid: 'app.bsky.feed.getListFeed', query: { list }, list: 'feed' },
    ]),
    ...uris('starter_pack').map((starterPack) => ({
      nsid: 'app.bsky.graph.getStarterPack',
      query: { starterPack },
    })),
    ...uris('feed_generator').map((feed) => ({
      nsid: 'app.bsky.feed.getFeedGenerator',
      query: { feed },
    })),
    { nsid: 'app.bsky.labeler.getServices', query: { dids, detailed: 'true' }, holds: 'views' },
    ...SEARCHES.flatMap((q) => [
      { nsid: 'app.bsky.actor.searchActors', query: { q }, list: 'actors' },
      { nsid: 'app.bsky.actor.searchActorsTypeahead', query: { q }, holds: 'actors' },
    ]),
  ]
}

/** Small enough that lists have several pages. */
const PAGE = 20
const MAX_PAGES = 50
/**
 * With more than 10 the reference leaves out some of the asker's own posts where a page of a timeline ends: which, depends on every
 * row above. And of notifications of one time it leaves out those beyond the end of a page: all must be on one.
 */
const PAGE_OF: Readonly<Record<string, number>> = {
  'app.bsky.feed.getTimeline': 10,
  'app.bsky.notification.listNotifications': 100,
}

type Notification = { readonly uri: string; readonly reason: string; readonly indexedAt: string }

/** Notifications of one time come in no order: those of several writes in one commit. */
const inOrder = (list: string, items: readonly unknown[]): readonly unknown[] => {
  const key = (item: unknown) => {
    const { uri, reason, indexedAt } = item as Notification
    return `${indexedAt} ${uri} ${reason}`
  }
  return list === 'notifications' ? items.toSorted((a, b) => (key(a) > key(b) ? -1 : 1)) : items
}

type Body = Readonly<Record<string, unknown>>

/** The whole answer: pages put together, cursors left out (that they lead on is seen by what follows). */
const askOne = async (service: string, question: Question, headers: Headers): Promise<Answer> => {
  const { nsid, query, list } = question
  if (list === undefined) return get(service, { nsid, query, headers })
  const items: unknown[] = []
  let cursor: string | undefined
  for (let page = 1; page <= MAX_PAGES; page++) {
    const { status, body } = await get(service, {
      nsid,
      query: { ...query, limit: PAGE_OF[nsid] ?? PAGE, cursor },
      headers,
    })
    if (status !== 200) return { status, body }
    const { [list]: found, cursor: next, ...others } = body as Body
    items.push(...(found as readonly unknown[]))
    if (typeof next !== 'string') return { status, body: { ...others, [list]: inOrder(list, items) } }
    cursor = next
  }
  throw new Error(`${nsid} ${JSON.stringify(query)} has no end`)
}

export type Interview = {
  readonly ours: string
  readonly theirs: string
  readonly viewers: readonly Viewer[]
  readonly questions: readonly Question[]
  readonly labeler: string
}

const AT_ONCE = 6

export async function* ask({
  ours,
  theirs,
  viewers,
  questions: all,
  labeler,
}: Interview): AsyncGenerator<Asked> {
  for (const [place, viewer] of viewers.entries()) {
    const asked = all.filter(({ signedIn, few }) => (!signedIn || viewer.did !== '') && (!few || place < 2))
    for (let from = 0; from < asked.length; from += AT_ONCE) {
      const some = asked.slice(from, from + AT_ONCE)
      yield* await Promise.all(
        some.map(async (question) => {
          const headers = { ...(await viewer.headers(question.nsid)), 'atproto-accept-labelers': labeler }
          const [mine, other] = await Promise.all([
            askOne(ours, question, headers),
            askOne(theirs, question, headers),
          ])
          return { viewer, question, ours: mine, theirs: other }
        }),
      )
    }
  }
}
