/**
 * What was produced against what is indexed: both as sets of (uri, cid), compared in the database. Owns the question "is
 * everything there, and nothing else?"; changes nothing.
 */
import type { Pool, Queryable } from '../../db/pool.ts'
import type { Truth } from '../../sandbox/index.ts'

export type CollectionResult = {
  readonly collection: string
  /** Live records of the network. */
  readonly produced: number
  /** Of these, found with the same cid. */
  readonly indexed: number
  /** Of these, not found, or found with another cid. */
  readonly missing: number
  /** Found, and not on the network (any more). */
  readonly surplus: number
}

export type Difference = {
  readonly uri: string
  readonly expected: string | null
  readonly found: string | null
}

export type Comparison = {
  readonly collections: readonly CollectionResult[]
  /** The first ten. */
  readonly differences: readonly Difference[]
  readonly isComplete: boolean
}

const CHUNK = 20_000
const DIFFERENCES = 10

const createTruth = async (tx: Queryable, records: Truth['records']): Promise<void> => {
  await tx.query({
    text: 'CREATE TEMPORARY TABLE truth (uri text, cid text, collection text) ON COMMIT DROP',
  })
  for (let from = 0; from < records.length; from += CHUNK) {
    const chunk = records.slice(from, from + CHUNK)
    await tx.query({
      text: 'INSERT INTO truth SELECT * FROM unnest($1::text[], $2::text[], $3::text[])',
      values: [chunk.map((r) => r.uri), chunk.map((r) => r.cid), chunk.map((r) => r.collection)],
    })
  }
  await tx.query({ text: 'ANALYZE truth' })
}

/** A record without a cid is a remembered delete. */
const both = (schema: string): string => `
  SELECT coalesce(truth.uri, indexed.uri) AS uri, truth.cid AS expected, indexed.cid AS found,
         coalesce(truth.collection, split_part(indexed.uri, '/', 4)) AS collection
  FROM truth FULL JOIN (
    SELECT uri, cid FROM ${schema}.record WHERE cid <> '' AND did = ANY($1::text[])
  ) AS indexed ON indexed.uri = truth.uri`

const countSql = (schema: string): string => `
  SELECT collection, count(expected)::int AS produced,
         count(*) FILTER (WHERE expected = found)::int AS indexed,
         count(*) FILTER (WHERE expected IS NOT NULL AND expected IS DISTINCT FROM found)::int AS missing,
         count(*) FILTER (WHERE expected IS NULL)::int AS surplus
  FROM (${both(schema)}) AS pairs GROUP BY collection ORDER BY collection`

const differenceSql = (schema: string): string => `
  SELECT uri, expected, found FROM (${both(schema)}) AS pairs
  WHERE expected IS DISTINCT FROM found ORDER BY uri LIMIT ${DIFFERENCES}`

/** `keeps` tells which collections the pipeline is meant to index. */
export const compare = (
  pool: Pool,
  truth: Pick<Truth, 'records' | 'accounts'>,
  keeps: (collection: string) => boolean,
): Promise<Comparison> =>
  pool.transaction(async (tx) => {
    const records = truth.records.filter(({ collection }) => keeps(collection))
    const values = [truth.accounts.map(({ did }) => did)]
    await createTruth(tx, records)
    const { rows: collections } = await tx.query<CollectionResult>({ text: countSql(pool.schema), values })
    const { rows: differences } = await tx.query<Difference>({ text: differenceSql(pool.schema), values })
    return { collections, differences, isComplete: differences.length === 0 }
  })
