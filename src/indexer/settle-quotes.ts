/** `violatesEmbeddingRules`: a quote by somebody else, made while the gate of the quoted post forbade it. */
import type { Affected } from './affected.ts'
import { uriDid } from './collection.ts'
import { quotedPost, type PostRecord } from './collections/post.ts'
import { gateAt, loadGates } from './gate-versions.ts'
import { subjectId } from './past.ts'
import { forbidsEmbedding } from './thread.ts'
import { run, type Tx } from './sql.ts'
import { moment } from './time.ts'

type QuoteLine = {
  readonly uri: string
  readonly subject: string
  readonly createdAt: string
  readonly indexedAt: string
  readonly violates: boolean
}

export type Quote = { readonly uri: string; readonly subject: string }

export type QuoteVerdict = QuoteLine & { readonly nowViolates: boolean }

/** The quotes that records of a batch make. */
export const quotesOf = ({ posts }: Affected): readonly Quote[] =>
  [...posts.values()].flatMap(({ uri, record }) => {
    const quoted = quotedPost(record as unknown as PostRecord)
    return quoted ? [{ uri, subject: quoted.uri }] : []
  })

/** Which quotes are to be looked at: these, those of the posts `gated`, and those that the posts `by` make. */
type Quotes = {
  readonly own: readonly Quote[]
  readonly gated: readonly string[]
  readonly by: readonly string[]
}

/** Which of them should stand otherwise than they do. */
export const judgeQuotes = async (
  tx: Tx,
  schema: string,
  quotes: Quotes,
): Promise<readonly QuoteVerdict[]> => {
  if (quotes.own.length + quotes.gated.length + quotes.by.length === 0) return []
  const lines = await loadQuotes(tx, schema, quotes)
  const gates = await loadGates(
    tx,
    schema,
    'postgate',
    lines.map(({ subject }) => subject),
  )
  return lines
    .map((line) => {
      const gate = gateAt(gates.get(line.subject) ?? [], moment(line))
      const isOwn = uriDid(line.uri) === uriDid(line.subject)
      return { ...line, nowViolates: !isOwn && gate !== null && forbidsEmbedding(gate) }
    })
    .filter(({ violates, nowViolates }) => violates !== nowViolates)
}

/** Of a deleted post's quotes its gate_question knows. */
const loadQuotes = (tx: Tx, schema: string, { own, gated, by }: Quotes) =>
  run<QuoteLine>(tx, {
    name: `quotes_${schema}`,
    text: `select p.uri, i.subject, p."createdAt", p."indexedAt", coalesce(p."violatesEmbeddingRules", false) as violates
      from (select * from unnest($1::text[], $2::text[]) as i(uri, subject)
          union select q.uri, q.subject from ${schema}.quote q where q.subject = any($3::text[])
          union select g.post, i.subject from unnest($3::text[], $4::uuid[]) as i(subject, id)
            join millrace.gate_question g on g.subject = i.id
          union select e."postUri", e."embedUri" from ${schema}.post_embed_record e where e."postUri" = any($5::text[])) i
        join ${schema}.post p on p.uri = i.uri
        join ${schema}.post_embed_record e on e."postUri" = p.uri and e."embedUri" = i.subject
      order by p.uri`,
    values: [
      own.map(({ uri }) => uri),
      own.map(({ subject }) => subject),
      gated,
      gated.map((uri) => subjectId('quoted', uri)),
      by,
    ],
  })

/** Writes verdicts on quotes, which are held. The AppView's convention: true or nothing. */
export const settleQuotes = async (
  tx: Tx,
  schema: string,
  verdicts: readonly QuoteVerdict[],
): Promise<void> => {
  if (verdicts.length === 0) return
  await run(tx, {
    name: `quote_flags_${schema}`,
    writes: 'post',
    text: `update ${schema}.post p set "violatesEmbeddingRules" = case when i.violates then true end
      from unnest($1::text[], $2::boolean[]) as i(uri, violates) where p.uri = i.uri`,
    values: [verdicts.map(({ uri }) => uri), verdicts.map(({ nowViolates }) => nowViolates)],
  })
}
