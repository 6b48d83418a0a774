/** What the doctor says: findings, and how bad they are together. Knows no check. */
import { EXIT, type ExitCode } from '../../lib/errors.ts'
import type { DoctorGroup } from '../config/table/doctor.ts'

/** From good to bad. `unknown`: it could not be looked at, which is never taken for well. */
export const SEVERITIES = ['ok', 'info', 'unknown', 'warning', 'error'] as const
export type Severity = (typeof SEVERITIES)[number]

export type Finding = {
  /** Stable, for scripts: `redis.policy`. */
  readonly id: string
  readonly severity: Severity
  /** What is the case, in one line, with the figures in it. */
  readonly what: string
  /** Why it matters to whoever runs this. */
  readonly why?: string
  /** The command that mends it, or the first step. */
  readonly fix?: string
}

type Reason = { readonly why: string; readonly fix: string }

export const ok = (id: string, what: string): Finding => ({ id, severity: 'ok', what })
export const info = (id: string, what: string, reason: Partial<Reason> = {}): Finding => ({
  id,
  severity: 'info',
  what,
  ...reason,
})
const bad =
  (severity: Severity) =>
  (id: string, what: string, reason: Reason): Finding => ({ id, severity, what, ...reason })
export const unknown = bad('unknown')
export const warning = bad('warning')
export const error = bad('error')

export type GroupReport = {
  readonly group: DoctorGroup
  readonly seconds: number
  readonly findings: readonly Finding[]
}

export type Report = {
  readonly at: string
  readonly version: string
  readonly worst: Severity
  readonly counts: Readonly<Record<Severity, number>>
  readonly groups: readonly GroupReport[]
}

export const makeReport = (version: string, groups: readonly GroupReport[]): Report => {
  const findings = groups.flatMap((group) => group.findings)
  const count = (severity: Severity) => findings.filter((finding) => finding.severity === severity).length
  const counts = Object.fromEntries(SEVERITIES.map((severity) => [severity, count(severity)]))
  return {
    at: new Date().toISOString(),
    version,
    worst: SEVERITIES.findLast((severity) => (counts[severity] ?? 0) > 0) ?? 'ok',
    counts: counts as Report['counts'],
    groups,
  }
}

export const exitCodeOf = ({ worst }: Report): ExitCode =>
  worst === 'ok' || worst === 'info' ? EXIT.ok : EXIT.negative
