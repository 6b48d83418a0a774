/** What the demo answers at its end: produced against indexed, per collection. */
import { drawTable, figure, paint, perSecond } from '../table.ts'
import type { Comparison, Difference } from './compare.ts'

export type Summary = Comparison & {
  readonly seconds: number
  readonly recordsPerSecond: number
}

export const summarize = (comparison: Comparison, seconds: number): Summary => {
  const indexed = comparison.collections.reduce((sum, row) => sum + row.indexed, 0)
  const round = (value: number): number => Math.round(value * 10) / 10
  return { ...comparison, seconds: round(seconds), recordsPerSecond: round(indexed / seconds) }
}

const drawDifference = ({ uri, expected, found }: Difference): string =>
  `  ${uri}: ${expected === null ? 'should not be there' : found === null ? 'missing' : `is ${found}, should be ${expected}`}`

export const drawSummary = ({
  collections,
  differences,
  isComplete,
  seconds,
  recordsPerSecond,
}: Summary): string => {
  const sum = (key: 'produced' | 'indexed' | 'missing' | 'surplus'): number =>
    collections.reduce((total, row) => total + row[key], 0)
  const rows = collections.map((row) => [
    row.collection,
    row.produced,
    row.indexed,
    row.missing,
    row.surplus,
    row.missing + row.surplus === 0 ? paint('green', '=') : paint('red', 'differs'),
  ])
  const all = ['all', sum('produced'), sum('indexed'), sum('missing'), sum('surplus'), '']
  const verdict = isComplete
    ? paint(
        'green',
        'Complete: every record of the network is in PostgreSQL, with its cid, and nothing else.',
      )
    : paint('red', 'Not complete. The first differences:')
  return [
    drawTable(['collection', 'produced', 'indexed', 'missing', 'surplus', ''], [...rows, all]),
    `\n${figure(sum('indexed'))} records in ${seconds} s: ${perSecond(recordsPerSecond)} from the first event to the last row`,
    verdict,
    ...differences.map(drawDifference),
  ].join('\n')
}
