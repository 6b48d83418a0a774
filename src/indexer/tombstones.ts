/** What is known to be deleted: the tombstones of `millrace.record_rev`. */
import { recordKeyOfUri } from './plan.ts'
import { run, type Tx } from './sql.ts'

/** Which of these records are known to be deleted. */
export const tombstonedOf = async (tx: Tx, uris: readonly string[]): Promise<readonly string[]> => {
  if (uris.length === 0) return []
  const keys = new Map(uris.map((uri) => [recordKeyOfUri(uri), uri]))
  const found = await run<{ key: string }>(tx, {
    name: 'tombstoned_of',
    text: 'select key from millrace.record_rev where key = any($1::uuid[]) and deleted',
    values: [[...keys.keys()]],
  })
  return found.flatMap(({ key }) => keys.get(key) ?? [])
}
