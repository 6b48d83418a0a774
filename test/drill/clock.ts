/**
 * The drills' day: the same rules, faster. Owns how seconds of an operator's day become seconds of a drill, and the arithmetic of how
 * soon an alert can be heard: scrape + evaluation + what the condition itself needs + `for` + group wait, on either clock.
 */
import type { Alert, Clock } from '../../src/monitoring/alerts/alert.ts'
import { readsRecording } from '../../src/monitoring/alerts/annotations.ts'
import { type ClockFloors, fasterClock } from '../../src/monitoring/alerts/clock.ts'

/** Half an hour in a minute. */
const FASTER = 30

/** A few scrapes, and what a busy machine may make anything wait without a fault. */
const FLOORS: ClockFloors = { range: 10, value: 10 }

export const drillClock: Clock = fasterClock(FASTER, FLOORS)

/** Seconds of an operator's day on the drills' clock. */
export const drillSeconds = (seconds: number): number => parseDuration(drillClock.range(seconds))

/** What passes between a fault and its alert apart from the rule: from the configurations of Prometheus and Alertmanager. */
export type Pace = {
  readonly scrapeSeconds: number
  readonly evaluationSeconds: number
  readonly groupWaitSeconds: number
}

/** How long a fault takes to make an expression true: seconds of an operator's day, and those that no clock shortens. */
export type Onset = { readonly after?: number; readonly delay?: number }

/** `scale` says how fast the day is. */
export const boundSeconds = (
  { expr, forSeconds }: Pick<Alert, 'expr' | 'forSeconds'>,
  { after = 0, delay = 0 }: Onset,
  pace: Pace,
  scale: (seconds: number) => number = (seconds) => seconds,
): number =>
  pace.scrapeSeconds +
  pace.evaluationSeconds +
  (readsRecording(expr) ? pace.evaluationSeconds : 0) +
  scale(after) +
  delay +
  scale(forSeconds) +
  // A `for` is over at an evaluation: at worst one later.
  (forSeconds > 0 ? pace.evaluationSeconds : 0) +
  pace.groupWaitSeconds

const UNITS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 }

/** `1m30s` → 90. */
export const parseDuration = (text: string): number =>
  [...text.matchAll(/(\d+)(ms|[smhdw])/g)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * (UNITS[unit ?? ''] ?? 0),
    0,
  )
