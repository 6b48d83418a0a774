/** Waiting for a condition that only polling can see. The test's own time limit ends a wait that never comes true. */
import { setTimeout as sleep } from 'node:timers/promises'

const EVERY_MS = 50

export const until = async (isTrue: () => Promise<boolean>): Promise<void> => {
  while (!(await isTrue())) await sleep(EVERY_MS)
}
