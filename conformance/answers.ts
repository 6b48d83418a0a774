/** What is asked of both AppViews, and where their answers differ. Knows no reason for a difference: see reasons.ts. */
import type { Tables } from '../test/conformance/tables.ts'
import { get, type Headers, type Query } from './xrpc.ts'

/** `list`: the field of the answer that goes on from page to page. */
export type Question = {
  readonly nsid: string
  readonly query: Query
  readonly list?: string
  /** Answered to those who are signed in only. */
  readonly signedIn?: true
}
export type Viewer = { readonly name: string; readonly headers: (nsid: string) => Promise<Headers> }
export type Asked = {
  readonly viewer: string
  readonly question: Question
  readonly ours: unknown
  readonly theirs: unknown
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
  { nsid: 'app.bsky.graph.getLists', query: { actor }, list: 'lists' },
  { nsid: 'app.bsky.graph.getActorStarterPacks', query: { actor }, list: 'starterPacks' },
  { nsid: 'app.bsky.feed.getActorFeeds', query: { actor }, list: 'feeds' },
]

const ofPost = (uri: string): Question[] => [
  { nsid: 'app.bsky.feed.getPostThread', query: { uri, depth: 10 } },
  { nsid: 'app.bsky.unspecced.getPostThreadV2', query: { anchor: uri, below: 10 } },
  { nsid: 'app.bsky.feed.getLikes', query: { uri }, list: 'likes' },
  { nsid: 'app.bsky.feed.getRepostedBy', query: { uri }, list: 'repostedBy' },
  { nsid: 'app.bsky.feed.getQuotes', query: { uri }, list: 'posts' },
  { nsid: 'app.bsky.feed.getPosts', query: { uris: [uri] } },
]

const OF_VIEWER: readonly Question[] = [
  { nsid: 'app.bsky.feed.getTimeline', query: {}, list: 'feed', signedIn: true },
  { nsid: 'app.bsky.notification.listNotifications', query: {}, list: 'notifications', signedIn: true },
  { nsid: 'app.bsky.notification.getUnreadCount', query: {}, signedIn: true },
  { nsid: 'app.bsky.graph.getBlocks', query: {}, list: 'blocks', signedIn: true },
  { nsid: 'app.bsky.graph.getListBlocks', query: {}, list: 'lists', signedIn: true },
]

const uris = (tables: Tables, table: string): string[] =>
  (tables[table] ?? []).map(({ uri }) => String(uri)).sort()

/** About everything that either side has. */
export const questions = (tables: Tables): Question[] => {
  const dids = (tables['actor'] ?? []).map(({ did }) => String(did)).sort()
  const handles = (tables['actor'] ?? []).flatMap(({ handle }) =>
    typeof handle === 'string' ? [handle] : [],
  )
  return [
    ...OF_VIEWER,
    ...[...dids, ...handles.sort().slice(0, 3)].flatMap(ofActor),
    ...uris(tables, 'post').flatMap(ofPost),
    ...uris(tables, 'list').flatMap((list) => [
      { nsid: 'app.bsky.graph.getList', query: { list }, list: 'items' },
      { nsid: 'app.bsky.feed.getListFeed', query: { list }, list: 'feed' },
    ]),
    ...uris(tables, 'starter_pack').map((starterPack) => ({
      nsid: 'app.bsky.graph.getStarterPack',
      query: { starterPack },
    })),
    ...uris(tables, 'feed_generator').map((feed) => ({
      nsid: 'app.bsky.feed.getFeedGenerator',
      query: { feed },
    })),
    { nsid: 'app.bsky.labeler.getServices', query: { dids, detailed: 'true' } },
    ...SEARCHES.flatMap((q) => [
      { nsid: 'app.bsky.actor.searchActors', query: { q }, list: 'actors' },
      { nsid: 'app.bsky.actor.searchActorsTypeahead', query: { q } },
    ]),
  ]
}

/** Small enough that lists have several pages. */
const PAGE = 20
const MAX_PAGES = 20

type Body = Readonly<Record<string, unknown>>

/** The whole answer: pages put together, cursors left out (that they lead on is seen by what follows). */
const askOne = async (service: string, question: Question, headers: Headers): Promise<unknown> => {
  const { nsid, query, list } = question
  if (list === undefined) return get(service, { nsid, query, headers })
  const items: unknown[] = []
  let cursor: string | undefined
  let rest: Body = {}
  for (let page = 1; page <= MAX_PAGES; page++) {
    const { status, body } = await get(service, { nsid, query: { ...query, limit: PAGE, cursor }, headers })
    if (status !== 200) return { status, body }
    const { [list]: found, cursor: next, ...others } = body as Body
    items.push(...(found as readonly unknown[]))
    rest = others
    cursor = typeof next === 'string' ? next : undefined
    if (cursor === undefined) break
  }
  return { status: 200, body: { ...rest, [list]: items } }
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
  for (const viewer of viewers) {
    const asked = all.filter(({ signedIn }) => !signedIn || viewer.name !== 'nobody')
    for (let from = 0; from < asked.length; from += AT_ONCE) {
      const some = asked.slice(from, from + AT_ONCE)
      yield* await Promise.all(
        some.map(async (question) => {
          const headers = { ...(await viewer.headers(question.nsid)), 'atproto-accept-labelers': labeler }
          const [mine, other] = await Promise.all([ours, theirs].map((at) => askOne(at, question, headers)))
          return { viewer: viewer.name, question, ours: mine, theirs: other }
        }),
      )
    }
  }
}
