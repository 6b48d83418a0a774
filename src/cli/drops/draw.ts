/** The list of `millrace drops` as a page for a terminal. */
import type { Dropped } from '../../indexer/dropped.ts'
import { drawTable } from '../table.ts'

export type DropReport = {
  /** How many there are, shown or not. */
  readonly total: number
  readonly drops: readonly Dropped[]
}

/** A stranger wrote it: nothing in it may move the cursor or turn the line around. */
const plain = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd')

const row = ({ seen, reason, uri, rev, at, detail }: Dropped): string[] =>
  [`${seen.slice(0, 19)}Z`, reason, uri, rev ?? at ?? '', detail].map(plain)

export const drawDrops = ({ total, drops }: DropReport): string => {
  if (total === 0) return 'Nothing: no such event was dropped as invalid.'
  const more = total > drops.length ? [`the newest ${drops.length} of ${total}; --limit shows more`] : []
  return [drawTable(['seen', 'reason', 'what', 'rev or time', 'detail'], drops.map(row)), ...more].join('\n')
}
