/** `violatesEmbeddingRules`: a quote of a post whose gate forbids it, by somebody else, made after the gate. */
import type { Affected } from './affected.ts'
import { forbidsEmbedding } from './thread.ts'
import { run, type Tx } from './sql.ts'
import { moment } from './time.ts'

type QuoteLine = {
  readonly uri: string
  readonly json: string
  readonly createdAt: string
  readonly indexedAt: string
  readonly gateCreatedAt: string
  readonly gateIndexedAt: string
}

/** Resolves with the quotes found to violate. */
export const settleQuotes = async (
  tx: Tx,
  schema: string,
  affected: Affected,
): Promise<readonly string[]> => {
  if (affected.posts.size + affected.gatedPosts.length === 0) return []
  const lines = await run<QuoteLine>(tx, {
    name: `gated_quotes_${schema}`,
    text: `select p.uri, r.json, p."createdAt", p."indexedAt",
        g."createdAt" as "gateCreatedAt", g."indexedAt" as "gateIndexedAt"
      from ${schema}.quote q
        join ${schema}.post_gate g on g."postUri" = q.subject
        join ${schema}.record r on r.uri = g.uri
        join ${schema}.post p on p.uri = q.uri
      where (q.uri = any($1::text[]) or q.subject = any($2::text[])) and p.creator <> g.creator
        and p."violatesEmbeddingRules" is not true`,
    values: [[...affected.posts.keys()], affected.gatedPosts],
  })
  type PostGate = Parameters<typeof forbidsEmbedding>[0]
  const violating = lines
    .filter((line) => {
      const since = moment({ createdAt: line.gateCreatedAt, indexedAt: line.gateIndexedAt })
      return since <= moment(line) && forbidsEmbedding(JSON.parse(line.json) as PostGate)
    })
    .map(({ uri }) => uri)
  if (violating.length === 0) return []
  await run(tx, {
    name: `forbid_quotes_${schema}`,
    writes: 'post',
    text: `update ${schema}.post set "violatesEmbeddingRules" = true where uri = any($1::text[])`,
    values: [violating.sort()],
  })
  return violating
}
