/** What a group of checks is, and how all of them run: side by side, each within its time, none able to end the program. */
import { describeError } from '../../lib/errors.ts'
import type { DoctorGroup } from '../config/table/doctor.ts'
import { unknown, type Finding, type GroupReport } from './finding.ts'

export type Examination = {
  readonly group: DoctorGroup
  readonly examine: () => Promise<readonly Finding[]>
}

type Watch = (group: DoctorGroup, state: 'started' | 'done') => void

export const runExaminations = async (
  examinations: readonly Examination[],
  timeoutMs: number,
  watch: Watch = () => undefined,
): Promise<GroupReport[]> =>
  Promise.all(
    examinations.map(async (examination) => {
      const startedMs = performance.now()
      watch(examination.group, 'started')
      const findings = await withinTime(examination, timeoutMs)
      watch(examination.group, 'done')
      return { group: examination.group, seconds: (performance.now() - startedMs) / 1_000, findings }
    }),
  )

const withinTime = async (
  { group, examine }: Examination,
  timeoutMs: number,
): Promise<readonly Finding[]> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<readonly Finding[]>((resolve) => {
    timer = setTimeout(() => resolve([tooSlow(group, timeoutMs)]), timeoutMs)
  })
  try {
    return await Promise.race([examine(), late])
  } catch (error) {
    return [failed(group, error)]
  } finally {
    clearTimeout(timer)
  }
}

const tooSlow = (group: DoctorGroup, timeoutMs: number): Finding =>
  unknown(`${group}.timeout`, `The checks of ${group} were not done within ${timeoutMs / 1_000} s.`, {
    why: 'What does not answer in time may be overloaded, or a firewall swallows what is sent to it.',
    fix: `millrace doctor --only ${group} --probe-timeout ${Math.ceil((timeoutMs * 6) / 1_000)}s`,
  })

const failed = (group: DoctorGroup, error: unknown): Finding =>
  unknown(`${group}.failed`, `The checks of ${group} could not be made: ${describeError(error)}.`, {
    why: 'Nothing is known of what they would have looked at.',
    fix: `millrace doctor --only ${group} --log-level debug`,
  })
