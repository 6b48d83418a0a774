/** Posts held for a change of their standing, by one writer at a time, those that were deleted too. In one order everywhere. */
import { run, type Tx } from './sql.ts'

/** A statement of its own: what is read after it is what the writer before us left. */
export const holdPosts = async (tx: Tx, schema: string, uris: readonly string[]): Promise<void> => {
  if (uris.length === 0) return
  await run(tx, {
    name: `hold_${schema}_posts`,
    text: `with p as (select 1 from ${schema}.post where uri = any($1::text[]) order by uri for no key update),
      d as (select 1 from millrace.deleted_post where uri = any($1::text[]) order by uri for no key update)
      select (select count(*) from p), (select count(*) from d)`,
    values: [uris],
  })
}
