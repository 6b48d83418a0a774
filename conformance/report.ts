/** What came out of a run, as a table for people and as JSON. */
import Table from 'cli-table3'
import type { Comparison } from './compare.ts'

export type AnswerReport = {
  readonly name: string
  asked: number
  /** By the reference, with an error. */
  refused: number
  /** Lists of the reference without an item. */
  empty: number
  /** In all answers of the reference together. */
  items: number
  equal: number
  explained: number
  different: number
}
export type CollectionReport = {
  readonly nsid: string
  readonly created: number
  readonly updated: number
  readonly deleted: number
}
export type AnswerDifference = {
  readonly viewer: string
  readonly nsid: string
  readonly query: unknown
  readonly where: string
}

export type Report = {
  readonly reference: string
  readonly messages: number
  readonly labels: number
  readonly collections: readonly CollectionReport[]
  readonly tables: Comparison['tables']
  readonly rules: Readonly<Record<string, number>>
  readonly miscounted: readonly string[]
  readonly unexplainedRows: Comparison['unexplained']
  readonly viewers: readonly string[]
  readonly answers: readonly AnswerReport[]
  readonly labelled: number
  readonly differentAnswers: readonly AnswerDifference[]
  /** What `migrate` changed in the database of the reference, which it must leave alone. */
  readonly takeover: readonly string[]
  /** What was compared without anything in it. */
  readonly hollow: readonly string[]
  readonly seconds: number
}

export const differs = ({
  unexplainedRows,
  differentAnswers,
  miscounted,
  takeover,
  hollow,
}: Report): boolean =>
  [unexplainedRows, differentAnswers, miscounted, takeover, hollow].some(({ length }) => length > 0)

const MAX_SHOWN = 20

type Cells = readonly (string | number)[]

const draw = (head: readonly string[], rows: readonly Cells[]): string => {
  const table = new Table({ head: [...head], style: { head: [], border: [], compact: true } })
  for (const row of rows) table.push([...row])
  return table.toString()
}

/** The figures under the same names, and their sums below. */
const drawFigures = <Name extends string>(
  title: string,
  names: readonly Name[],
  rows: readonly (readonly [string, Readonly<Record<Name, number>>])[],
): string => {
  const sums = names.map((name) => rows.reduce((sum, [, row]) => sum + row[name], 0))
  const lines = rows.map(([label, row]): Cells => [label, ...names.map((name) => row[name])])
  return draw([title, ...names], [...lines, ['all', ...sums]])
}

const some = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0
    ? []
    : [`${title}: ${lines.length}`, ...lines.slice(0, MAX_SHOWN), ...(lines.length > MAX_SHOWN ? ['…'] : [])]

const drawDifferences = ({
  unexplainedRows,
  miscounted,
  differentAnswers,
  takeover,
  hollow,
}: Report): readonly string[] => [
  ...some(
    'rows that differ without a reason',
    unexplainedRows.map(
      ({ table, columns, ours, theirs }) =>
        `  ${table} (${columns.join(', ')})\n    ours   ${JSON.stringify(ours)}\n    theirs ${JSON.stringify(theirs)}`,
    ),
  ),
  ...some('our aggregates that do not count our rows', miscounted),
  ...some(
    'answers that differ without a reason',
    differentAnswers.map(
      ({ viewer, nsid, query, where }) => `  ${nsid} ${JSON.stringify(query)} as ${viewer}\n    ${where}`,
    ),
  ),
  ...some('taken over, the database of the reference is not what it was', takeover),
  ...some('compared without anything in it, which proves nothing', hollow),
]

export const drawReport = (report: Report): string => {
  const { collections, tables, answers, rules, viewers, messages, labels, reference, seconds } = report
  return [
    `${messages} messages of the firehose, ${labels} labels; reference: ${reference}`,
    drawFigures(
      'collection',
      ['created', 'updated', 'deleted'],
      collections.map((row) => [row.nsid, row]),
    ),
    drawFigures(
      'table',
      ['ours', 'theirs', 'explained', 'different'],
      tables.map((row) => [row.table, { ...row, different: row.unexplained }]),
    ),
    draw(['explained by', 'rows'], Object.entries(rules)),
    `answers as seen by ${viewers.join(', ')}; ${report.labelled} show a label of the labeler`,
    drawFigures(
      'question',
      ['asked', 'refused', 'empty', 'items', 'equal', 'explained', 'different'],
      answers.map((row) => [row.name, row]),
    ),
    ...drawDifferences(report),
    `${seconds} s`,
    differs(report) ? 'NOT EQUAL' : 'equal: every difference has its reason in docs/conformance.md',
  ].join('\n')
}
