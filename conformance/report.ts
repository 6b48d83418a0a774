/** What came out of a run, as a table for people and as JSON. */
import Table from 'cli-table3'
import type { Comparison } from './compare.ts'

export type AnswerReport = {
  readonly nsid: string
  asked: number
  equal: number
  explained: number
  different: number
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
  readonly tables: Comparison['tables']
  readonly rules: Readonly<Record<string, number>>
  readonly miscounted: readonly string[]
  readonly unexplainedRows: Comparison['unexplained']
  readonly viewers: readonly string[]
  readonly answers: readonly AnswerReport[]
  readonly differentAnswers: readonly AnswerDifference[]
}

export const differs = ({ unexplainedRows, differentAnswers, miscounted }: Report): boolean =>
  unexplainedRows.length + differentAnswers.length + miscounted.length > 0

const MAX_SHOWN = 20

const draw = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string => {
  const table = new Table({ head: [...head], style: { head: [], border: [] } })
  for (const row of rows) table.push([...row])
  return table.toString()
}

const some = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0
    ? []
    : [`${title}: ${lines.length}`, ...lines.slice(0, MAX_SHOWN), ...(lines.length > MAX_SHOWN ? ['…'] : [])]

export const drawReport = (report: Report): string => {
  const { tables, answers, rules, viewers, unexplainedRows, differentAnswers, miscounted } = report
  const sum = (of: (answer: AnswerReport) => number) =>
    answers.reduce((total, answer) => total + of(answer), 0)
  return [
    `${report.messages} messages of the firehose, ${report.labels} labels; reference: ${report.reference}`,
    draw(
      ['table', 'ours', 'theirs', 'explained', 'different'],
      tables.map((row) => [row.table, row.ours, row.theirs, row.explained, row.unexplained]),
    ),
    draw(['explained by', 'rows'], Object.entries(rules)),
    `answers as seen by ${viewers.join(', ')}`,
    draw(
      ['question', 'asked', 'equal', 'explained', 'different'],
      [
        ...answers.map(({ nsid, asked, equal, explained, different }) => [
          nsid,
          asked,
          equal,
          explained,
          different,
        ]),
        ['all', sum((a) => a.asked), sum((a) => a.equal), sum((a) => a.explained), sum((a) => a.different)],
      ],
    ),
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
    differs(report) ? 'NOT EQUAL' : 'equal: every difference has its reason in docs/conformance.md',
  ].join('\n')
}
