/** Tables and figures for a person at a terminal. Knows how to draw, not what. */
import { styleText } from 'node:util'
import Table from 'cli-table3'

export type Cell = string | number | null

const EDGES = { top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '' }
const INNER = { 'bottom-left': '', 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '' }
const NO_BORDERS = { ...EDGES, ...INNER, right: '', 'right-mid': '', middle: '  ' }

/** Colours only where standard output is a terminal that has them (NO_COLOR is respected). */
export const paint = (style: 'bold' | 'dim' | 'green' | 'red' | 'yellow', text: string): string =>
  styleText(style, text, { stream: process.stdout })

/** 1234567 as 1,234,567; what is unknown as a dash, never as 0. */
export const figure = (value: Cell): string =>
  value === null ? '–' : typeof value === 'number' ? value.toLocaleString('en-US') : value

export const perSecond = (value: number): string =>
  `${value >= 100 || value === 0 ? Math.round(value).toLocaleString('en-US') : value.toFixed(1)}/s`

/** Numbers stand right. A column is one of numbers when its first cell is. */
export const drawTable = (head: readonly string[], rows: readonly (readonly Cell[])[]): string => {
  const first = rows[0] ?? []
  const table = new Table({
    head: head.map((title) => paint('bold', title)),
    colAligns: head.map((_, i) => (typeof first[i] === 'number' || first[i] === null ? 'right' : 'left')),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    chars: NO_BORDERS,
  })
  table.push(...rows.map((row) => row.map(figure)))
  return table.toString()
}
