/**
 * Labels. Law: of all labels for one (src, uri, cid, val) the one with the latest `cts` stands, and a negation also covers the
 * labels of the same (src, uri, val) with another cid that are older than it; in any order of arrival. Negated rows stay, with
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
  readonly drops: ReadonlyMap<LabelDrop, number>
}

/** Pure: one label per key, the latest; times normalised. */
export const planLabels = (labels: readonly Label[]): LabelPlan => {
  const byKey = new Map<string, Label>()
  const drops = new Map<LabelDrop, number>()
  for (const raw of labels) {
    const label = normalise(raw)
    if (typeof label === 'string') {
      drops.set(label, (drops.get(label) ?? 0) + 1)
      continue
    }
    const key = sortKey(label)
    const known = byKey.get(key)
    if (!known || isLater(label, known)) byKey.set(key, label)
  }
  const sorted = [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, label]) => label)
  return { labels: sorted, drops }
}

const sortKey = ({ src, uri, cid, val }: Pick<Label, 'src' | 'uri' | 'cid' | 'val'>): string =>
  [src, uri, cid ?? '', val].join('\n')

/** At the same instant the negation stands, and of two assertions the one that lasts longer. */
const isLater = (a: Label, b: Label): boolean => {
  if (a.cts !== b.cts) return a.cts > b.cts
  return a.neg === b.neg ? (a.exp ?? FOREVER) > (b.exp ?? FOREVER) : a.neg
}

const FOREVER = '~'

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
  labels: readonly Label[],
): Promise<readonly Label[]> => {
  if (labels.length === 0) return []
  const written = await run<Parameters<typeof sortKey>[0]>(tx, {
    writes: 'label',
    name: `upsert_${schema}_label`,
    text: `insert into ${schema}.label as t (src, uri, cid, val, neg, cts, exp)
      select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::text[])
        as i(src, uri, cid, val, neg, cts, exp) order by i.src, i.uri, i.cid, i.val
      on conflict (src, uri, cid, val) do update set neg = excluded.neg, cts = excluded.cts, exp = excluded.exp
        where t.cts < excluded.cts or (t.cts = excluded.cts and excluded.neg and not t.neg)
          or (t.cts = excluded.cts and excluded.neg = t.neg
            and coalesce(excluded.exp, '${FOREVER}') collate "C" > coalesce(t.exp, '${FOREVER}') collate "C")
      returning src, uri, cid, val`,
    values: [
      labels.map(({ src }) => src),
      labels.map(({ uri }) => uri),
      labels.map(({ cid }) => cid ?? ''),
      labels.map(({ val }) => val),
      labels.map(({ neg }) => neg),
      labels.map(({ cts }) => cts),
      labels.map(({ exp }) => exp),
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
    text: `update ${schema}.label l set neg = true from ${schema}.label n,
        (select distinct * from unnest($1::text[], $2::text[], $3::text[]) as i(src, uri, val)) i
      where n.src = i.src and n.uri = i.uri and n.val = i.val and n.neg
        and l.src = i.src and l.uri = i.uri and l.val = i.val and not l.neg and l.cts <= n.cts and l.cid <> n.cid
      returning 1`,
    values: [labels.map(({ src }) => src), labels.map(({ uri }) => uri), labels.map(({ val }) => val)],
  })
  return covered.length
}
