/** What aggregates count: an independent recount from rows, and what accounts that are gone had counted. */
import type { History } from './history.ts'
import { collectionOf, didOf } from './history.ts'
import { replyOf, subjectOf, text } from './rule.ts'
import type { Difference, Row, Tables } from './tables.ts'

type Counter = {
  readonly table: string
  readonly by: string
  readonly unless?: string
  readonly collection: string
  /** The key that a record of the collection counts for. */
  readonly key: (uri: string, record: Parameters<typeof subjectOf>[0]) => string
}

const POST_COUNTERS: Readonly<Record<string, Counter>> = {
  likeCount: {
    table: 'like',
    by: 'subject',
    collection: 'app.bsky.feed.like',
    key: (_uri, record) => subjectOf(record),
  },
  repostCount: {
    table: 'repost',
    by: 'subject',
    collection: 'app.bsky.feed.repost',
    key: (_uri, record) => subjectOf(record),
  },
  replyCount: {
    table: 'post',
    by: 'replyParent',
    unless: 'violatesThreadGate',
    collection: 'app.bsky.feed.post',
    key: (_uri, record) => replyOf(record)?.parent ?? '',
  },
  // A quote of an account that is gone stays a row in the reference, so it has nothing to count besides.
  quoteCount: { table: 'quote', by: 'subject', collection: '', key: () => '' },
}
const PROFILE_COUNTERS: Readonly<Record<string, Counter>> = {
  followersCount: {
    table: 'follow',
    by: 'subjectDid',
    collection: 'app.bsky.graph.follow',
    key: (_uri, record) => subjectOf(record),
  },
  followsCount: {
    table: 'follow',
    by: 'creator',
    collection: 'app.bsky.graph.follow',
    key: (uri) => didOf(uri),
  },
  postsCount: { table: 'post', by: 'creator', collection: 'app.bsky.feed.post', key: (uri) => didOf(uri) },
}

export const countersOf = (table: string): Readonly<Record<string, Counter>> =>
  table === 'post_agg' ? POST_COUNTERS : table === 'profile_agg' ? PROFILE_COUNTERS : {}

export const keyOfAggregate = ({ ours, theirs }: Pick<Difference, 'ours' | 'theirs'>): string =>
  text(ours, 'uri') || text(theirs, 'uri') || text(ours, 'did') || text(theirs, 'did')

/** How many rows there are to count. */
export const recount = (tables: Tables, { table, by, unless }: Counter, key: string): number =>
  (tables[table] ?? []).filter((row) => row[by] === key && !(unless && row[unless] === true)).length

/** How many records of deleted accounts counted for the key until the end; two likes of one post by one account count once. */
export const countedForTheGone = (
  history: History,
  { collection, key, table }: Counter,
  of: string,
): number => {
  const counted = history.uris.filter(
    (uri) =>
      collectionOf(uri) === collection &&
      history.deletedAccounts.has(didOf(uri)) &&
      history.versions(uri).at(-1)?.type !== 'delete' &&
      key(uri, history.record(uri)) === of,
  )
  const distinct = (uri: string) =>
    table === 'post' ? uri : `${didOf(uri)} ${subjectOf(history.record(uri))}`
  return new Set(counted.map(distinct)).size
}

export const isZero = (row: Row): boolean =>
  Object.values(row).every((value) => typeof value !== 'number' || value === 0)

/** Aggregates that do not say how many rows there are. */
export const miscounted = (tables: Tables): string[] =>
  ['post_agg', 'profile_agg'].flatMap((table) =>
    (tables[table] ?? []).flatMap((row) => {
      const key = keyOfAggregate({ ours: row, theirs: null })
      return Object.entries(countersOf(table)).flatMap(([column, counter]) => {
        const expected = recount(tables, counter, key)
        return row[column] === expected
          ? []
          : [`${table} of ${key}: ${column} is ${String(row[column])}, rows ${expected}`]
      })
    }),
  )
