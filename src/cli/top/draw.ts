/** One look at the fleet as lines for a terminal. Draws; computes nothing but its history. */
import { drawTable, figure, paint, perSecond } from '../table.ts'
import { FLOWS, type HostRow, type ProcessRow, type StreamRow, type View } from './view.ts'

const BARS = '▁▂▃▄▅▆▇█'
const WIDTH = 40

/** The last values as bars, the highest of them full; an unknown value is a gap. */
export const sparkline = (values: readonly (number | null)[], width = WIDTH): string => {
  const shown = values.slice(-width)
  const top = Math.max(...shown.map((value) => value ?? 0), Number.MIN_VALUE)
  const bars = shown.map((value) =>
    value === null
      ? ' '
      : (BARS[Math.min(BARS.length - 1, Math.floor((value / top) * (BARS.length - 1)))] ?? ' '),
  )
  return bars.join('')
}

export const duration = (seconds: number | null): string => {
  if (seconds === null) return '–'
  if (seconds < 1) return `${Math.round(seconds * 1_000)} ms`
  if (seconds < 120) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`
  return seconds < 172_800 ? `${Math.floor(seconds / 3_600)} h` : `${Math.floor(seconds / 86_400)} d`
}

const bytes = (value: number | null): string => (value === null ? '–' : `${Math.round(value / 1_048_576)} MB`)
const rate = (value: number | null): string => (value === null ? '–' : perSecond(value))
const warn = (bad: boolean, text: string): string => (bad ? paint('red', text) : text)

const STATES = { ready: 'green', 'not ready': 'yellow', down: 'red' } as const

const processRow = (row: ProcessRow) => [
  row.job,
  row.instance,
  paint(STATES[row.state], row.state),
  row.version ?? '–',
  duration(row.upSeconds),
  row.cpu === null ? '–' : `${Math.round(row.cpu * 100)} %`,
  bytes(row.memoryBytes),
  warn((row.errorsPerSecond ?? 0) > 0, rate(row.errorsPerSecond)),
]

const streamRow = (row: StreamRow) => [
  row.stream,
  figure(row.entries),
  figure(row.undelivered),
  duration(row.oldestSeconds),
  figure(row.pending),
  warn((row.deadLetters ?? 0) > 0, figure(row.deadLetters)),
  warn((row.lost ?? 0) > 0, figure(row.lost)),
]

const CONNECTED = {
  true: () => paint('green', 'connected'),
  false: () => paint('red', 'away'),
  null: () => '–',
}

const hostRow = (row: HostRow) => [
  row.host,
  CONNECTED[String(row.connected) as keyof typeof CONNECTED](),
  warn((row.quietSeconds ?? 0) > 60, duration(row.quietSeconds)),
  figure(row.unsaved),
  figure(row.reconnects),
]

const flowRows = (view: View, history: readonly View[]) =>
  Object.keys(FLOWS)
    .filter((words) => view.flows[words] !== null)
    .map((words) => [
      words,
      rate(view.flows[words] ?? null),
      sparkline(history.map((one) => one.flows[words] ?? null)),
    ])

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] =>
  rows.length === 0 ? [] : [drawTable(head, rows), '']

const headline = (view: View): string => {
  const { p50, p99 } = view.freshness
  const alerts =
    view.firing === null
      ? ''
      : view.firing.length === 0
        ? `   ${paint('green', 'no alert fires')}`
        : `   ${paint('red', `firing: ${view.firing.join(', ')}`)}`
  const fresh = `freshness ${duration(p50)} (p99 ${duration(p99)})`
  return `${paint('bold', 'millrace top')}  ${new Date(view.at).toISOString().slice(0, 19)}Z   ${fresh}${alerts}`
}

/** `history`: earlier views, oldest first, this one last. */
export const drawView = (view: View, history: readonly View[]): string => {
  if (view.processes.length === 0) return NOTHING
  const troubles = view.troubles.slice(0, 8).map(({ what, perSecond: often }) => [what, rate(often)])
  return [
    headline(view),
    '',
    ...table(
      ['service', 'instance', 'state', 'version', 'up', 'cpu', 'memory', 'errors'],
      view.processes.map(processRow),
    ),
    ...table(['flow', 'now', ''], flowRows(view, history)),
    ...table(
      ['stream', 'stored', 'undelivered', 'behind', 'pending', 'dead letters', 'lost'],
      view.streams.map(streamRow),
    ),
    ...table(['host', 'state', 'quiet', 'unsaved', 'reconnects'], view.hosts.map(hostRow)),
    ...table(['trouble', 'now'], troubles),
  ].join('\n')
}

const NOTHING =
  'No service answers. Start one with `millrace up` or `millrace demo`, or name them with --services or --prometheus.'
