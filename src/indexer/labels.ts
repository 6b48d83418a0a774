/**
 * Labels. Law: of all labels for one (src, uri, cid, val) the one with the latest `cts` stands, and a negation also covers the
 * labels of the same (src, uri, val) with another cid that are older than it; in any order of arrival, and also when the
 * negation itself has been replaced since (`millrace.label_negation` remembers it). Negated rows stay, with
 * `neg` true, as the AppView expects; `cid` is '' when the label names none.
 */
import { normalizeDatetime } from '../atproto/syntax.ts'
import type { Label } from '../event/event.ts'
import { run, type Tx } from './sql.ts'

export type LabelDrop = 'invalid_time' | 'unstorable_text' | 'too_long'
export const LABEL_DROPS: readonly LabelDrop[] = ['invalid_time', 'unstorable_text', 'too_long']

/** What the primary key can hold: an entry of a B-tree takes a third of a page, 2,704 bytes. */
const MAX_KEY_BYTES = 2_600

export type LabelPlan = {
  readonly labels: readonly Label[]
  /** The latest negation of each (src, uri, val), also where a newer assertion of the batch takes its place. */
  readonly negations: readonly Negation[]
  readonly drops: ReadonlyMap<LabelDrop, number>
}
export type Negation = Pick<Label, 'src' | 'uri' | 'val' | 'cts'>

/** Pure: one label per key, the latest; times normalised. */
export const planLabels = (labels: readonly Label[]): LabelPlan => {
  const byKey = new Map<string, Label>()
  const negations = new Map<string, Negation>()
  const drops = new Map<LabelDrop, number>()
  for (const raw of labels) {
    const label = normalise(raw)
    if (typeof label === 'string') {
      drops.set(label, (drops.get(label) ?? 0) + 1)
      continue
    }
    const key = sortKey(label)
    const known = byKey.get(key)
    byKey.set(key, known ? later(known, label) : label)
    if (label.neg) noteNegation(negations, label)
  }
  return { labels: inOrderOfKeys(byKey), negations: inOrderOfKeys(negations), drops }
}

const inOrderOfKeys = <T>(byKey: ReadonlyMap<string, T>): T[] =>
  [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value)

const noteNegation = (negations: Map<string, Negation>, { src, uri, val, cts }: Label): void => {
  const key = [src, uri, val].join('\n')
  const known = negations.get(key)
  if (!known || cts > known.cts) negations.set(key, { src, uri, val, cts })
}

const sortKey = ({ src, uri, cid, val }: Pick<Label, 'src' | 'uri' | 'cid' | 'val'>): string =>
  [src, uri, cid ?? '', val].join('\n')

/** At the same instant the negation stands, whichever expiry it names: the label that lasts longest is negated, or not. */
const later = (a: Label, b: Label): Label => {
  if (a.cts !== b.cts) return a.cts > b.cts ? a : b
  const longest = (a.exp ?? FOREVER) >= (b.exp ?? FOREVER) ? a : b
  return { ...longest, neg: a.neg || b.neg }
}

const FOREVER = '~'
const LASTS_LONGER = `coalesce(excluded.exp, '${FOREVER}') collate "C" > coalesce(t.exp, '${FOREVER}') collate "C"`

const normalise = (label: Label): Label | LabelDrop => {
  const cts = normalizeDatetime(label.cts)
  const exp = label.exp === null ? null : normalizeDatetime(label.exp)
  if (cts === null || (exp === null && label.exp !== null)) return 'invalid_time'
  const texts = [label.src, label.uri, label.cid ?? '', label.val]
  if (texts.some((text) => text.includes('\u0000') || !text.isWellFormed())) return 'unstorable_text'
  if (Buffer.byteLength(texts.join('')) > MAX_KEY_BYTES) return 'too_long'
  return { ...label, cts, exp }
}

/** Writes the labels; resolves with those that stand now and did not before. To be followed by `coverNegated`. */
export const writeLabels = async (
  tx: Tx,
  schema: string,
  { labels, negations }: Pick<LabelPlan, 'labels' | 'negations'>,
): Promise<readonly Label[]> => {
  if (labels.length === 0) return []
  const written = await run<Parameters<typeof sortKey>[0]>(tx, {
    writes: 'label',
    name: `upsert_${schema}_label`,
    text: `with kept as (
        insert into millrace.label_negation as k (src, uri, val, cts)
        select * from unnest($8::text[], $9::text[], $10::text[], $11::text[]) as i(src, uri, val, cts) order by i.src, i.uri, i.val
        on conflict (src, uri, val) do update set cts = excluded.cts where k.cts < excluded.cts)
      insert into ${schema}.label as t (src, uri, cid, val, neg, cts, exp)
      select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[])
        as i(src, uri, cid, val, neg, cts, exp) order by i.src, i.uri, i.cid, i.val
      on conflict (src, uri, cid, val) do update set cts = excluded.cts,
          neg = excluded.neg or (t.neg and t.cts = excluded.cts),
          exp = case when t.cts = excluded.cts and not ${LASTS_LONGER} then t.exp else excluded.exp end
        where t.cts < excluded.cts or (t.cts = excluded.cts and ((excluded.neg and not t.neg) or ${LASTS_LONGER}))
      returning src, uri, cid, val`,
    values: [
      labels.map(({ src }) => src),
      labels.map(({ uri }) => uri),
      labels.map(({ cid }) => cid ?? ''),
      labels.map(({ val }) => val),
      labels.map(({ neg }) => neg),
      labels.map(({ cts }) => cts),
      labels.map(({ exp }) => exp),
      negations.map(({ src }) => src),
      negations.map(({ uri }) => uri),
      negations.map(({ val }) => val),
      negations.map(({ cts }) => cts),
    ],
  })
  const keys = new Set(written.map(sortKey))
  return labels.filter((label) => keys.has(sortKey(label)))
}

/**
 * Negations cover older labels of other cids. In a transaction after that of the labels: of two writers, one with the negation
 * and one with what it covers, the one that commits last then sees both.
 */
export const coverNegated = async (tx: Tx, schema: string, labels: readonly Label[]): Promise<number> => {
  if (labels.length === 0) return 0
  const covered = await run(tx, {
    writes: 'label',
    name: `negate_${schema}_label`,
    text: `with i as (select distinct * from unnest($1::text[], $2::text[], $3::text[]) as i(src, uri, val))
      update ${schema}.label l set neg = true from (
        select n.src, n.uri, n.val, n.cts from i join millrace.label_negation n on n.src = i.src and n.uri = i.uri and n.val = i.val
        union all select n.src, n.uri, n.val, n.cts from i
          join ${schema}.label n on n.src = i.src and n.uri = i.uri and n.val = i.val and n.neg) n
      where l.src = n.src and l.uri = n.uri and l.val = n.val and not l.neg and l.cts <= n.cts returning 1`,
    values: [labels.map(({ src }) => src), labels.map(({ uri }) => uri), labels.map(({ val }) => val)],
  })
  return covered.length
}
