/** Waiting for a condition that only looking again can tell. */
import { setTimeout as sleep } from 'node:timers/promises'

const EVERY_MS = 20
const PATIENCE_MS = 120_000

export const until = async (isTrue: () => Promise<boolean>, what = 'it to settle'): Promise<void> => {
  const deadline = Date.now() + PATIENCE_MS
  while (!(await isTrue())) {
    if (Date.now() > deadline) throw new Error(`waited ${PATIENCE_MS / 1000} s in vain for ${what}`)
    await sleep(EVERY_MS)
  }
}
