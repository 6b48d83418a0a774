/** The report as a page for a terminal: groups, findings with what to do about them, and a line that sums up. */
import type { DoctorGroup } from '../config/table/doctor.ts'
import { paint } from '../table.ts'
import { SEVERITIES, type Finding, type GroupReport, type Report, type Severity } from './finding.ts'

const MARKS: Readonly<Record<Severity, readonly [mark: string, style: Parameters<typeof paint>[0]]>> = {
  ok: ['✓', 'green'],
  info: ['·', 'dim'],
  unknown: ['?', 'yellow'],
  warning: ['!', 'yellow'],
  error: ['✗', 'red'],
}

const TITLES: Readonly<Record<DoctorGroup, string>> = {
  config: 'Settings',
  services: 'Services',
  prometheus: 'Prometheus',
  redis: 'Redis',
  streams: 'Streams and consumers',
  postgres: 'PostgreSQL',
  network: 'Network',
  machine: 'This machine',
}

const WIDTH = (): number => Math.max(60, Math.min(process.stdout.columns ?? 110, 120))

/** Breaks between words; what is longer than a line (a URL, a command) stays whole. */
const wrap = (text: string, width: number): string[] => {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

const indented = (text: string, indent: string): string =>
  wrap(text, WIDTH() - indent.length).join(`\n${indent}`)

const drawFinding = ({ severity, what, why, fix }: Finding): string => {
  const [mark, style] = MARKS[severity]
  const head = `  ${paint(style, mark)} ${indented(what, '    ')}`
  const lines = [head]
  if (why !== undefined) lines.push(paint('dim', `      ${indented(why, '      ')}`))
  // A command stays on one line, whatever its length: it is there to be copied.
  if (fix !== undefined) lines.push(...fix.split('\n').map((line) => `      → ${paint('bold', line)}`))
  return lines.join('\n')
}

const drawGroup = ({ group, findings }: GroupReport): string => {
  const worstFirst = [...findings].sort(
    (a, b) => SEVERITIES.indexOf(b.severity) - SEVERITIES.indexOf(a.severity),
  )
  return [paint('bold', TITLES[group]), ...worstFirst.map(drawFinding)].join('\n')
}

const PLURALS: Readonly<Record<Severity, readonly [one: string, many: string]>> = {
  error: ['error', 'errors'],
  warning: ['warning', 'warnings'],
  unknown: ['unknown', 'unknown'],
  info: ['note', 'notes'],
  ok: ['well', 'well'],
}

const summary = ({ counts, worst }: Report): string => {
  const parts = [...SEVERITIES].reverse().flatMap((severity) => {
    const count = counts[severity]
    const word = PLURALS[severity][count === 1 ? 0 : 1]
    return count === 0 ? [] : [paint(MARKS[severity][1], `${count} ${word}`)]
  })
  const verdict = worst === 'ok' || worst === 'info' ? 'All is well' : 'Something needs you'
  return `${paint('bold', verdict)}: ${parts.join(', ') || 'nothing was checked'}.`
}

export const drawReport = (report: Report): string =>
  [...report.groups.map(drawGroup), summary(report)].join('\n\n')
