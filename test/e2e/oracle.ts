/**
 * The verdict of the end-to-end tests: what the tables hold against what the network says is true, and what the tables say of
 * each other. Owns the law of equality (records as sets of (uri, cid), account states, handles, labels, exact counts); changes
 * nothing and knows no process.
 */
import { matchesCollection } from '../../src/atproto/syntax.ts'
import { compare } from '../../src/cli/demo/compare.ts'
import type { Pool } from '../../src/db/pool.ts'
import type { Truth } from '../../src/sandbox/index.ts'

/** The filter of a default installation. */
const keeps = (nsid: string): boolean =>
  ['app.bsky.*', 'chat.bsky.*'].some((pattern) => matchesCollection(pattern, nsid))

/** One line per difference, the first few of each kind; empty when the tables equal the truth. */
export const differences = async (pool: Pool, truth: Truth): Promise<string[]> => [
  ...(await recordDifferences(pool, truth)),
  ...(await actorDifferences(pool, truth)),
  ...(await labelDifferences(pool, truth)),
]

export const recordDifferences = async (pool: Pool, truth: Truth): Promise<string[]> => {
  const found = await compare(pool, truth, keeps)
  const lines = found.differences.map(
    ({ uri, expected, found: is }) => `${uri}: ${is ?? 'missing'}, should be ${expected ?? 'gone'}`,
  )
  const counts = found.collections.filter(({ missing, surplus }) => missing + surplus > 0)
  return [...counts.map((line) => JSON.stringify(line)), ...lines]
}

type Actor = { readonly did: string; readonly handle: string | null; readonly upstreamStatus: string | null }

/** An account that is gone has no line; one that is away keeps its handle and says why. */
const actorDifferences = async (pool: Pool, { accounts }: Truth): Promise<string[]> => {
  const { rows } = await pool.query<Actor>({
    text: `SELECT did, handle, "upstreamStatus" FROM ${pool.schema}.actor`,
  })
  const held = new Map(rows.map((row) => [row.did, `${row.handle} ${row.upstreamStatus}`]))
  const expected = new Map(
    accounts.map(({ did, handle, active, status }) => [
      did,
      status === 'deleted' ? undefined : `${handle} ${active ? null : status}`,
    ]),
  )
  return unequal('actor', held, expected)
}

type LabelLine = Truth['labels'][number]

const keyOf = ({ src, uri, cid, val }: LabelLine): string => [src, uri, cid ?? '', val].join(' ')
const subjectOf = ({ src, uri, val }: LabelLine): string => [src, uri, val].join(' ')

/**
 * The newest label of each key. A negation also covers the older labels of other versions of its subject: where a subject has
 * labels of several versions the truth, which keeps keys apart, does not tell which of them are covered.
 */
const labelDifferences = async (pool: Pool, { labels }: Truth): Promise<string[]> => {
  const { rows } = await pool.query<LabelLine>({
    text: `SELECT src, uri, cid, val, neg, cts, exp FROM ${pool.schema}.label`,
  })
  const keysOf = Map.groupBy(labels, subjectOf)
  const show = (label: LabelLine): string => {
    const isAlone = (keysOf.get(subjectOf(label))?.length ?? 0) <= 1
    return `${isAlone ? label.neg : '?'} ${label.cts} ${label.exp}`
  }
  const lines = (list: readonly LabelLine[]) => new Map(list.map((label) => [keyOf(label), show(label)]))
  return unequal('label', lines(rows), lines(labels))
}

const SHOWN = 10

const unequal = (
  what: string,
  held: ReadonlyMap<string, string>,
  expected: ReadonlyMap<string, string | undefined>,
): string[] =>
  [...new Set([...held.keys(), ...expected.keys()])]
    .filter((key) => held.get(key) !== expected.get(key))
    .map(
      (key) => `${what} ${key}: is ${held.get(key) ?? 'missing'}, should be ${expected.get(key) ?? 'gone'}`,
    )
    .slice(0, SHOWN)

/** What is counted, in which column, and from which rows the count can be made again. */
const COUNTS = [
  ['post_agg', 'uri', 'likeCount', 'select subject as key from $.like'],
  ['post_agg', 'uri', 'repostCount', 'select subject as key from $.repost'],
  ['profile_agg', 'did', 'followersCount', 'select "subjectDid" as key from $.follow'],
  ['profile_agg', 'did', 'followsCount', 'select creator as key from $.follow'],
  ['profile_agg', 'did', 'postsCount', 'select creator as key from $.post'],
] as const

/** Counts that are not those of the rows they count. */
export const drift = async (pool: Pool): Promise<string[]> => {
  const lines: string[] = []
  for (const [table, key, column, rows] of COUNTS) {
    const { rows: wrong } = await pool.query<{ key: string; is: number; should: number }>({
      text: `SELECT coalesce(a.${key}, c.key) AS key, coalesce(a."${column}", 0)::int AS is, coalesce(c.n, 0)::int AS should
        FROM ${pool.schema}.${table} a FULL JOIN
          (SELECT key, count(*) AS n FROM (${rows.replaceAll('$', pool.schema)}) r GROUP BY key) c ON c.key = a.${key}
        WHERE coalesce(a."${column}", 0) <> coalesce(c.n, 0) LIMIT ${SHOWN}`,
    })
    lines.push(
      ...wrong.map((line) => `${table}.${column} of ${line.key}: ${line.is}, should be ${line.should}`),
    )
  }
  return lines
}
