/** Which groups there are and what each of them asks. The only place that joins probes and judgements. */
import { DOCTOR_GROUPS, type DoctorGroup } from '../config/table/doctor.ts'
import { defaultOf, ROWS } from '../config/settings.ts'
import { checkConfig } from './config/check.ts'
import type { Finding } from './finding.ts'
import type { Examination } from './groups.ts'
import { checkMachine } from './machine/check.ts'
import { readMachine } from './machine/facts.ts'
import type { Patient } from './patient.ts'
import { examineNetwork } from './network/examine.ts'
import { examinePostgres } from './postgres/examine.ts'
import { examinePrometheus } from './prometheus/examine.ts'
import { examineRedis } from './redis/examine.ts'
import { checkServices } from './services/check.ts'
import { examineStreams } from './streams/examine.ts'

type Examine = (patient: Patient) => Promise<readonly Finding[]>

const defaultServices = ROWS.filter(({ key }) => key === 'services').map((row) => defaultOf(row, 'doctor'))

const EXAMINE: Readonly<Record<DoctorGroup, Examine>> = {
  config: async ({ environment }) => checkConfig(environment),
  services: async ({ services, settings }) =>
    checkServices({ facts: await services(), areGiven: !defaultServices.includes(settings.services) }),
  prometheus: examinePrometheus,
  redis: examineRedis,
  streams: examineStreams,
  postgres: examinePostgres,
  network: examineNetwork,
  machine: async ({ settings }) => checkMachine(await readMachine(settings.data)),
}

export const examinationsOf = (patient: Patient): Examination[] => {
  const { only } = patient.settings
  return DOCTOR_GROUPS.filter((group) => only.length === 0 || only.includes(group)).map((group) => ({
    group,
    examine: () => EXAMINE[group](patient),
  }))
}
