/** The report of `millrace recount` as a page for a terminal. */
import type { Recount } from '../../indexer/recount.ts'
import { drawTable, figure, paint } from '../table.ts'

export type RecountReport = Recount & {
  readonly repair: boolean
  /** Wrong figures in all, and how many of them are wrong still. */
  readonly found: number
  readonly left: number
}

const HEAD = ['table', 'column', 'wrong', 'too much', 'too little', 'repaired']
/** More of them tell no more, and JSON has them. */
const SHOWN = 10

const examples = ({ examples: all, found }: RecountReport): readonly string[] => {
  if (all.length === 0) return []
  const shown = all.slice(0, SHOWN)
  const rows = shown.map(({ column, stored, counted, key }) => [column, stored, counted, key])
  const more = found > shown.length ? [paint('dim', `and ${figure(found - shown.length)} more`)] : []
  return ['', drawTable(['column', 'stored', 'counted', 'key'], rows), ...more]
}

const verdict = ({ complete, found, left, repair }: RecountReport): string => {
  if (!complete) return paint('yellow', 'Stopped before the end: what was not looked at may be wrong, too.')
  if (found === 0) return paint('green', 'Every count is what its rows say.')
  if (repair && left === 0) return paint('green', `${figure(found)} wrong, all repaired.`)
  return `${paint('red', `${figure(found)} wrong.`)} → ${paint('bold', 'millrace recount --repair')} writes the right figures.`
}

export const drawRecount = (report: RecountReport): string => {
  const rows = report.columns.map((line) => [
    line.table,
    line.column,
    line.found,
    line.tooMuch,
    line.tooLittle,
    line.repaired,
  ])
  const looked = report.tables.map(
    ({ table, keys, rows: counted }) => `${table}: ${figure(keys)} keys, ${figure(counted)} rows counted`,
  )
  return [
    drawTable(HEAD, rows),
    paint('dim', looked.join('; ')),
    ...examples(report),
    '',
    verdict(report),
  ].join('\n')
}
