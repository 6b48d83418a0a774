/** Settings of `millrace doctor`: what to look at besides the stores and services, and how long to wait for it. */
import { bool, duration, list, oneOf, optional, path, url } from '../kinds.ts'
import { setting } from '../setting.ts'

/** In the order of the report. */
export const DOCTOR_GROUPS = [
  'config',
  'services',
  'prometheus',
  'redis',
  'streams',
  'postgres',
  'network',
  'machine',
] as const

export type DoctorGroup = (typeof DOCTOR_GROUPS)[number]

export const doctor = {
  prometheus: setting<string | null>({
    kind: optional(url(['http', 'https'], 'http://localhost:9090')),
    default: null,
    absent: 'Prometheus is not asked',
    commands: ['doctor', 'top'],
    text: 'Prometheus to ask: for its targets, rules and metric names, or for the figures of all services.',
  }),
  dashboards: setting<string | null>({
    kind: optional(path),
    default: null,
    absent: 'those that Millrace ships',
    commands: ['doctor'],
    text: 'Folder of dashboards (JSON) whose metric names to look for.',
  }),
  only: setting<readonly DoctorGroup[]>({
    kind: list(oneOf(DOCTOR_GROUPS), `some of ${DOCTOR_GROUPS.join(',')}, separated by commas`),
    default: [],
    commands: ['doctor'],
    text: 'Check only these groups.',
  }),
  network: setting({
    kind: bool,
    default: false,
    commands: ['doctor'],
    text: 'Also ask the relays, labelers and the PLC directory whether they answer.',
  }),
  probeTimeoutMs: setting({
    kind: duration({ minMs: 100, maxMs: 300_000 }),
    default: 10_000,
    commands: ['doctor'],
    text: 'Longest wait for one group of checks; what has not answered by then is reported as unknown.',
  }),
}
