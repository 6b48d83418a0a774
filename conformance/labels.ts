/**
 * The reference has no ingester of labels: its own tests put them into the table by hand. So does this, with what the real
 * labeler said, in its order: the last word on a label stands.
 */
import { normalizeDatetime } from '../src/atproto/syntax.ts'
import type { RawLabel } from '../src/atproto/label.ts'
import type { Pool } from '../src/db/pool.ts'

export const writeLabels = async (reference: Pool, labels: readonly RawLabel[]): Promise<void> => {
  for (const { src, uri, cid, val, neg, cts, exp } of labels) {
    await reference.query({
      text: `insert into ${reference.schema}.label (src, uri, cid, val, neg, cts, exp) values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (src, uri, cid, val) do update set neg = excluded.neg, cts = excluded.cts, exp = excluded.exp`,
      values: [
        src,
        uri,
        cid ?? '',
        val,
        neg,
        normalizeDatetime(cts),
        exp === null ? null : normalizeDatetime(exp),
      ],
    })
  }
}
