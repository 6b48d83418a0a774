/**
 * The verdict of the end-to-end tests: what the tables hold against what the network says is true, and what the tables say of
 * each other. Owns the law of equality (records as sets of (uri, cid), account states, handles, labels, exact counts); changes
 * nothing and knows no process.
 */
import { matchesCollection } from '../../src/atproto/syntax.ts'
import type { Pool } from '../../src/db/pool.ts'
import type { Truth } from '../../src/sandbox/index.ts'

/** The filter of a default installation. */
const keeps = (nsid: string): boolean =>
  ['app.bsky.*', 'chat.bsky.*'].some((pattern) => matchesCollection(pattern, nsid))

/** One line per difference, the first few of each kind; empty when the tables equal the truth. `except`: URIs and DIDs left out. */
export const differences = async (
  pool: Pool,
  truth: Truth,
  except: ReadonlySet<string> = new Set(),
): Promise<string[]> => [
  ...(await recordDifferences(pool, truth, except)),
  ...(await actorDifferences(pool, truth, except)),
  ...(await labelDifferences(pool, truth)),
]

/** Apart from what the demo compares with, which is itself under test. A record without a cid is a remembered delete. */
const recordDifferences = async (
  pool: Pool,
  truth: Truth,
  except: ReadonlySet<string>,
): Promise<string[]> => {
  const { rows } = await pool.query<{ uri: string; cid: string }>({
    text: `SELECT uri, cid FROM ${pool.schema}.record WHERE cid <> ''`,
  })
  const held = new Map(rows.map(({ uri, cid }) => [uri, cid]))
  const expected = truth.records.filter(({ collection }) => keeps(collection))
  return unequal('record', held, new Map(expected.map(({ uri, cid }) => [uri, cid])), except)
}

type Actor = { readonly did: string; readonly handle: string | null; readonly upstreamStatus: string | null }

/** An account that is gone has no line; one that is away keeps its handle and says why. */
const actorDifferences = async (
  pool: Pool,
  { accounts }: Truth,
  except: ReadonlySet<string>,
): Promise<string[]> => {
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
  return unequal('actor', held, expected, except)
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
  return unequal('label', lines(rows), lines(labels), new Set())
}

const SHOWN = 10

const unequal = (
  what: string,
  held: ReadonlyMap<string, string>,
  expected: ReadonlyMap<string, string | undefined>,
  except: ReadonlySet<string>,
): string[] =>
  [...new Set([...held.keys(), ...expected.keys()])]
    .filter((key) => held.get(key) !== expected.get(key) && !except.has(key))
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
