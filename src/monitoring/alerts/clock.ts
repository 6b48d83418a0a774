/**
 * The two clocks of the rules: the one of production, and a faster one for drills. A faster day shortens ranges, `for` and ages;
 * it never changes a count, a ratio, or a threshold in units other than seconds.
 */
import type { Clock } from './alert.ts'

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const

/** The largest unit that divides it: 300 s is `5m`, 90 s is `90s`. */
const duration = (seconds: number): string => {
  const ms = Math.round(seconds * 1_000)
  if (ms === 0) return '0s'
  const [unit, size] = UNITS.find(([, each]) => ms % each === 0) ?? ['ms', 1]
  return `${ms / size}${unit}`
}

export const productionClock: Clock = { range: duration, value: (seconds) => seconds }

/** Below these a shorter window says nothing: `range` needs a few scrapes, `value` more than a scrape is old by nature. */
export type ClockFloors = { readonly range: number; readonly value: number }

/** Four scrapes of a second for a range; an age is told apart from the age of the scrape itself from 5 s on. */
const SECOND_SCRAPES: ClockFloors = { range: 4, value: 5 }

/** A day that runs `factor` times as fast. */
export const fasterClock = (factor: number, floors: ClockFloors = SECOND_SCRAPES): Clock => ({
  range: (seconds) => duration(seconds === 0 ? 0 : Math.max(floors.range, Math.ceil(seconds / factor))),
  value: (seconds) => Math.max(floors.value, seconds / factor),
})
