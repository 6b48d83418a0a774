/** What is still being looked at, on one line of standard error that goes when the report comes. Silent where nobody watches. */
import type { DoctorGroup } from '../config/table/doctor.ts'

type Terminal = Pick<NodeJS.WriteStream, 'write' | 'isTTY'>

export const createWatch = (terminal: Terminal) => {
  const waiting = new Set<DoctorGroup>()
  const say = (text: string) => {
    if (terminal.isTTY) terminal.write(`\r\u001b[K${text}`)
  }
  return {
    see: (group: DoctorGroup, state: 'started' | 'done'): void => {
      if (state === 'started') waiting.add(group)
      else waiting.delete(group)
      say(`Looking at ${[...waiting].join(', ')} …`)
    },
    end: (): void => say(''),
  }
}
